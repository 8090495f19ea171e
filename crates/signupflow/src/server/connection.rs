//! One connection, from its first byte to its end.

use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use axum::http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tower::{BoxError, Service};

use super::{
    activity::{Activity, Overdue},
    limits::Limits,
    request::PerConnection,
    stopping::{Requests, Stage, Stages},
    stream::NotedStream,
};

/// How long a connection that has not sent a request yet may still send its first one once the server
/// stops: a load balancer opened it before it knew.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) limits: Limits,
    pub(super) requests: Requests,
    pub(super) stages: Stages,
}

impl Shared {
    pub(super) fn new(limits: Limits, stages: Stages) -> Arc<Self> {
        Arc::new(Self { builder: limits.builder(), limits, requests: Requests::default(), stages })
    }
}

/// Serves `stream` until either side ends it, a limit cuts it, or the server stops and its requests are done.
pub(super) async fn serve<S, B>(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, application: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let activity = Activity::new(shared.requests.clone(), shared.stages.clone());
    let service = TowerToHyperService::new(PerConnection { application, peer, activity: activity.clone() });
    let noted = TokioIo::new(NotedStream { stream, activity: activity.clone() });
    let mut connection = pin!(shared.builder.serve_connection(noted, service));
    let mut supervised = pin!(overdue(&activity, &shared.limits));
    let mut stopping = pin!(farewell_due(shared.stages.clone(), &activity));
    let (mut told, mut bidden) = (false, false);
    let outcome = poll_fn(|context| {
        if !told && stopping.as_mut().poll(context).is_ready() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(context) {
            return Poll::Ready(Ok(ended));
        }
        // After the connection, so that the deadline is that of what just happened.
        let why = ready!(supervised.as_mut().poll(context));
        if why == Overdue::Idle && !bidden {
            // Bidden farewell (HTTP/2 GOAWAY) before it is cut; HTTP/1 ends at once by this.
            bidden = true;
            activity.rest_anew();
            connection.as_mut().graceful_shutdown();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Err(why))
    })
    .await;
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%peer, %error, "connection ended"),
        Err(why) => {
            metrics::counter!("http_connections_cut_total", "reason" => why.word()).increment(1);
            tracing::debug!(%peer, reason = why.word(), "connection cut");
        }
    }
}

/// When the connection is to be ended as its protocol has it. GOAWAY loses nothing, so HTTP/2 is told first. HTTP/1
/// has only the answers to say it with ([`PerConnection`]); closing a connection at rest may cross a request on its way.
async fn farewell_due(mut stages: Stages, activity: &Activity) {
    // An error means that the server is gone: a reason to stop as well.
    drop(stages.wait_for(|stage| *stage != Stage::Serving).await);
    if activity.is_http2() {
        return;
    }
    drop(stages.wait_for(|stage| *stage == Stage::Ending).await);
    if !activity.has_served() {
        tokio::time::sleep(FIRST_REQUEST_GRACE).await;
    }
}

/// Ready when `activity` is past its deadline. Must be polled whenever the connection was.
fn overdue(activity: &Activity, limits: &Limits) -> impl Future<Output = Overdue> {
    let mut alarm = Box::pin(sleep_until(Instant::now()));
    poll_fn(move |context| {
        loop {
            let due = activity.deadline(limits);
            // A later deadline needs no new alarm: the old one rings and is set again. Nor does anybody look at the clock
            // before it rings: this runs with every request.
            if let Some((when, _)) = due.filter(|(when, _)| *when < alarm.deadline()) {
                alarm.as_mut().reset(when);
            }
            ready!(alarm.as_mut().poll(context));
            let now = Instant::now();
            match due {
                Some((when, why)) if when <= now => return Poll::Ready(why),
                Some((when, _)) => alarm.as_mut().reset(when),
                // Looked at again later: a request may end without waking this task.
                None => alarm.as_mut().reset(now + limits.idle_timeout),
            }
        }
    })
}
