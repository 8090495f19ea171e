//! Somebody with a session, and what they get back.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::{PASSWORD, TestApp, fresh_ip};

/// A response, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the body is not JSON.
    pub json: Value,
}

impl Answer {
    pub async fn of(response: reqwest::Result<reqwest::Response>) -> Self {
        let response = response.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, json }
    }

    /// The status must be this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The problem must have this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json["status"], status);
        assert!(answer.json["request_id"].is_string(), "{}", answer.text);
        answer
    }

    /// A header's text, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A text field of the body.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text)).to_owned()
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Persona<'a> {
    pub app: &'a TestApp,
    pub ip: String,
    pub email: String,
    pub password: String,
    pub id: String,
    pub org_id: String,
    pub token: String,
    pub csrf: String,
    pub session_id: String,
    pub device_token: String,
}

impl<'a> Persona<'a> {
    pub async fn signed_up(app: &'a TestApp, email: &str, body: Value) -> Persona<'a> {
        let ip = fresh_ip();
        let answer = app.post_from(&ip, "/api/auth/signup", &body).await.expect(201);
        Self::from_sign_in(app, ip, email, PASSWORD, &answer)
    }

    pub fn from_sign_in(
        app: &'a TestApp,
        ip: String,
        email: &str,
        password: &str,
        answer: &Answer,
    ) -> Persona<'a> {
        let user = |name: &str| answer.json["user"][name].as_str().expect("a user").to_owned();
        Persona {
            app,
            ip,
            email: email.to_owned(),
            password: password.to_owned(),
            id: user("id"),
            org_id: user("org_id"),
            token: answer.field("token"),
            csrf: answer.field("csrf_token"),
            session_id: answer.field("session_id"),
            device_token: answer.field("device_token"),
        }
    }

    /// The same session at another node.
    pub fn at<'b>(&self, node: &'b TestApp) -> Persona<'b> {
        Persona { app: node, ..self.clone() }
    }

    /// Another session of the same person, from another address.
    pub async fn on_another_device(&self) -> Persona<'a> {
        let ip = fresh_ip();
        let answer = self.app.login_from(&ip, &self.email, &self.password).await.expect(200);
        Self::from_sign_in(self.app, ip, &self.email, &self.password, &answer)
    }

    /// A request with bearer and CSRF token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app
            .request_from(&self.ip, method, path)
            .bearer_auth(&self.token)
            .header("X-CSRF-Token", &self.csrf)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body).send().await).await
    }

    /// POST without a body.
    pub async fn poke(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::POST, path).send().await).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body).send().await).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path).send().await).await
    }

    /// Whether the session still opens anything.
    pub async fn is_signed_in(&self) -> bool {
        self.get("/api/people/me").await.status == StatusCode::OK
    }
}
