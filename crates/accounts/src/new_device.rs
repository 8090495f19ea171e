//! The mail that goes with a sign-in from a device that was not known. Signing up makes its device known without one.

use hardening::one_time_token::Purpose;

use crate::context::RequestContext;
use crate::mailed_link::mailed_link;
use crate::model::Person;
use crate::outbox::{Content, Mail};
use crate::ports::OneTimeGrant;
use crate::services::Services;

/// The mail, if the person has an address, and the grant behind its "this wasn't me" link.
pub(crate) fn notice(
    services: &Services,
    context: &RequestContext,
    person: &Person,
) -> Option<(OneTimeGrant, Mail)> {
    let client = context.client();
    let lifetime = services.settings.mailed_link_ttl;
    mailed_link(services, person, Purpose::NotMe, lifetime, |not_me_token| Content::NewDevice {
        not_me_token,
        browser: client.browser,
        system: client.os,
        ip_address: context.ip_address.clone(),
    })
}
