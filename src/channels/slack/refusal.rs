//! Why a call failed, what class of failure that is, and what a person can do about it.
//!
//! Codes: <https://docs.slack.dev/reference/methods/chat.postMessage#errors> and, of webhooks,
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors>.

use std::time::Duration;

use crate::channels::http::Failure;
use crate::channels::{DeliveryError, Verdict};

/// What a failure is about, and so what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The token, the webhook or the workspace: nothing works until a person has changed it.
    Auth,
    /// The channel.
    Target,
    /// This message, in this form.
    Payload,
    /// It passes by itself.
    Passing,
    /// The call may have done its work.
    Ambiguous,
}

/// A failed call. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) class: Class,
    /// Slack's own word for it; empty where Slack said nothing.
    pub(super) code: String,
    pub(super) reason: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// Slack answered with an error code. `detail`: what it said besides.
    pub(super) fn coded(method: &str, code: &str, detail: &str) -> Self {
        let code = harmless(code, 80);
        let detail = harmless(detail, 300);
        let mut reason = format!("Slack refused {method}: {code}");
        if !detail.is_empty() {
            reason.push_str(&format!(" ({detail})"));
        }
        let hint = hint(&code).map(str::to_owned);
        Self { class: class(&code), code, reason, hint, retry_after: None }
    }

    /// `missing_scope`, with the scope that Slack asks for.
    pub(super) fn missing_scope(method: &str, needed: &str) -> Self {
        let needed = harmless(needed, 80);
        let hint = format!(
            "add the bot scope {needed} to the app (api.slack.com/apps, OAuth & Permissions), then \
             reinstall it to the workspace: a scope counts only after that"
        );
        Self {
            class: Class::Auth,
            code: "missing_scope".to_owned(),
            reason: format!("Slack refused {method}: the scope {needed} is missing"),
            hint: Some(hint),
            retry_after: None,
        }
    }

    /// An answer that is not Slack's usual one.
    pub(super) fn status(method: &str, status: u16, retry_after: Option<Duration>) -> Self {
        let (class, reason, hint) = match status {
            429 => (Class::Passing, "too many requests".to_owned(), None),
            502 | 504 => (Class::Ambiguous, format!("a gateway gave up (HTTP {status})"), None),
            500.. => (Class::Passing, format!("a fault of the server (HTTP {status})"), None),
            300..400 => (Class::Passing, format!("a redirect (HTTP {status})"), Some(BETWEEN)),
            // A 200 whose text is not Slack's, or a refusal that is none of Slack's.
            _ => (
                Class::Passing,
                format!("an answer that is not Slack's (HTTP {status})"),
                Some(BETWEEN),
            ),
        };
        Self {
            class,
            code: String::new(),
            reason: format!("{method}: {reason}"),
            hint: hint.map(str::to_owned),
            retry_after,
        }
    }

    /// There was no answer.
    pub(super) fn failed(method: &str, failure: &Failure) -> Self {
        let (class, hint) = match failure {
            Failure::NotSent(_) => (Class::Passing, Some(NETWORK)),
            Failure::Unanswered(_) => (Class::Ambiguous, None),
            Failure::Impossible(_) => (Class::Auth, Some("check the channel's settings")),
        };
        let hint = hint.map(str::to_owned);
        let reason = format!("{method}: {failure}");
        Self { class, code: String::new(), reason, hint, retry_after: None }
    }

    /// For a call that does no harm when it is done twice: what is ambiguous may be repeated.
    pub(super) fn repeatable(mut self) -> Self {
        if self.class == Class::Ambiguous {
            self.class = Class::Passing;
        }
        self
    }

    pub(super) fn is_told_to_wait(&self) -> bool {
        self.retry_after.is_some()
    }

    /// The call may have done its work.
    pub(super) fn may_be_done(&self) -> bool {
        self.class == Class::Ambiguous
    }

    pub(super) fn is_passing(&self) -> bool {
        self.class == Class::Passing
    }
}

impl From<Refusal> for DeliveryError {
    fn from(refusal: Refusal) -> Self {
        let verdict = match refusal.class {
            Class::Auth | Class::Target | Class::Payload => Verdict::Permanent,
            Class::Passing => Verdict::Retry { after: refusal.retry_after },
            Class::Ambiguous => Verdict::Ambiguous,
        };
        Self { verdict, reason: refusal.reason, hint: refusal.hint }
    }
}

/// Text from the network, short and of printable ASCII.
fn harmless(text: &str, limit: usize) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(limit).collect()
}

/// The class of an error code. An unknown one counts for the message's own: it is tried once more
/// in its simplest form, and then given up.
fn class(code: &str) -> Class {
    match code {
        "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "not_allowed_token_type"
        | "missing_scope"
        | "org_login_required"
        | "no_permission"
        | "team_access_not_granted"
        | "accesslimited"
        | "access_denied"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "two_factor_setup_required"
        | "team_disabled"
        | "invalid_token"
        | "no_service"
        | "no_service_id"
        | "no_active_hooks"
        | "no_team"
        | "action_prohibited"
        | "file_uploads_disabled"
        | "storage_limit_reached"
        | "time_in_past"
        | "time_too_far"
        | "invalid_time" => Class::Auth,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "channel_is_archived"
        | "user_not_found"
        | "message_not_found"
        | "messages_tab_disabled"
        | "team_not_found"
        | "posting_to_general_channel_denied" => Class::Target,
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "service_unavailable"
        | "request_timeout"
        | "rollup_error"
        | "restricted_too_many"
        | "team_added_to_org" => Class::Passing,
        "internal_error" | "fatal_error" => Class::Ambiguous,
        _ if code.starts_with("restricted_action") => Class::Target,
        _ => Class::Payload,
    }
}

const BETWEEN: &str = "something between here and Slack answered: a proxy or a login page of the \
                       network; check HTTPS_PROXY and NO_PROXY";

const NETWORK: &str = "check the network, and HTTPS_PROXY and NO_PROXY where there is a proxy";

/// What a person can do about it.
fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "not_authed" | "invalid_auth" | "not_allowed_token_type" => {
            "check the token: it must be the Bot User OAuth Token (xoxb-…) of an installed app"
        }
        "account_inactive" | "token_revoked" => {
            "the app was removed from the workspace or its token revoked: install it again and set \
             the new token"
        }
        "token_expired" => "switch token rotation off for the app, or set a new token",
        "accesslimited" => "the workspace admits only certain IP addresses: ask its admin",
        "org_login_required" | "team_access_not_granted" | "team_added_to_org" => {
            "the workspace belongs to an organization: an admin must grant it to the app"
        }
        "channel_not_found" => {
            "check the channel's name or ID; the app sees a private channel only after somebody \
             has typed /invite @app in it"
        }
        "not_in_channel" => "type /invite @app in the channel, with the app's name",
        "is_archived" | "channel_is_archived" => "the channel is archived: choose another",
        "user_not_found" => "the member is gone: choose another channel",
        "messages_tab_disabled" => "switch on the Messages Tab in the app's App Home",
        "team_not_found" => "name the channel by its ID: names do not work with this token",
        "action_prohibited" | "posting_to_general_channel_denied" => {
            "an admin has restricted who may post there: choose another channel"
        }
        "no_service" | "no_service_id" | "no_active_hooks" | "no_team" | "invalid_token"
        | "team_disabled" => {
            "the webhook does not exist any more: make a new one (api.slack.com/apps, Incoming \
             Webhooks) and set its URL"
        }
        "file_uploads_disabled" => "the workspace does not take files: ask its admin",
        "storage_limit_reached" => "the workspace's storage is full",
        "time_in_past" | "time_too_far" | "invalid_time" => {
            "the clock of this machine is not Slack's: `watch doctor` compares them"
        }
        "restricted_too_many" => {
            "30 runs are watched so in this channel: use another, or `heartbeat: off`"
        }
        _ if code.starts_with("restricted_action") => {
            "the workspace's rules keep the app from posting there: choose another channel or ask \
             an admin"
        }
        _ if class(code) == Class::Payload => "this is likely a fault of watch: please report it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_classes() {
        for (code, expected) in [
            ("not_authed", Class::Auth),
            ("invalid_auth", Class::Auth),
            ("account_inactive", Class::Auth),
            ("token_revoked", Class::Auth),
            ("token_expired", Class::Auth),
            ("missing_scope", Class::Auth),
            ("no_active_hooks", Class::Auth),
            ("time_in_past", Class::Auth),
            ("channel_not_found", Class::Target),
            ("not_in_channel", Class::Target),
            ("is_archived", Class::Target),
            ("restricted_action_read_only_channel", Class::Target),
            ("message_not_found", Class::Target),
            ("invalid_blocks", Class::Payload),
            ("invalid_blocks_format", Class::Payload),
            ("invalid_attachments", Class::Payload),
            ("msg_too_long", Class::Payload),
            ("msg_blocks_too_long", Class::Payload),
            ("no_text", Class::Payload),
            ("invalid_arguments", Class::Payload),
            ("never_heard_of", Class::Payload),
            ("ratelimited", Class::Passing),
            ("message_limit_exceeded", Class::Passing),
            ("service_unavailable", Class::Passing),
            ("rollup_error", Class::Passing),
            ("restricted_too_many", Class::Passing),
            ("internal_error", Class::Ambiguous),
            ("fatal_error", Class::Ambiguous),
        ] {
            assert_eq!(class(code), expected, "{code}");
            let refusal = Refusal::coded("chat.postMessage", code, "");
            let told = refusal.hint.is_some() || code == "missing_scope";
            let permanent = matches!(expected, Class::Auth | Class::Target | Class::Payload)
                && code != "message_not_found";
            assert!(told || !permanent, "{code} says nothing that a person could do");
        }
    }

    #[test]
    fn statuses_have_classes() {
        for (status, class) in [
            (429, Class::Passing),
            (500, Class::Passing),
            (503, Class::Passing),
            (502, Class::Ambiguous),
            (504, Class::Ambiguous),
            (302, Class::Passing),
            (403, Class::Passing),
        ] {
            assert_eq!(Refusal::status("x", status, None).class, class, "{status}");
        }
        let after = Some(Duration::from_secs(30));
        let error = DeliveryError::from(Refusal::status("x", 429, after));
        assert_eq!(error.verdict, Verdict::Retry { after });
    }

    #[test]
    fn a_missing_scope_is_named_with_what_to_do() {
        let error = DeliveryError::from(Refusal::missing_scope("x", "files:write"));
        assert_eq!(error.verdict, Verdict::Permanent);
        assert!(error.reason.contains("files:write"));
        let hint = error.hint.unwrap();
        assert!(hint.contains("files:write") && hint.contains("reinstall"));
    }

    #[test]
    fn what_slack_says_is_made_harmless() {
        let refusal = Refusal::coded("x", "bad\u{1b}[31m\ncode", &"é".repeat(10));
        assert_eq!(refusal.reason, "Slack refused x: bad[31mcode");
    }
}
