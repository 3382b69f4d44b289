//! The webhooks of an account (contract, section 11).

use std::path::PathBuf;

use conversations::{EndpointId, EventType, Subscription};
use serde::{Deserialize, Deserializer, de::Error};
use shared_types::AccountSid;
use url::Url;

/// A webhook: where events of an account's conversations are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The URL, `https` unless the service allows private addresses.
    pub url: WebhookUrl,
    /// The file with its signing secrets, relative to `accounts.toml`.
    pub signing_secret_file: PathBuf,
    /// The events that are sent.
    pub events: WebhookEvents,
}

impl Webhook {
    /// The subscription of the webhook in the store.
    pub fn subscription(&self, account: AccountSid) -> Subscription {
        Subscription {
            endpoint: EndpointId::new(account, self.url.as_url().as_str()),
            events: self.events.0.clone(),
        }
    }
}

/// An absolute `http` or `https` URL without user information and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WebhookUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The parser drops white space and control characters.
        let url = Url::parse(&text).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_graphic()));
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        let expected =
            "expected a URL such as \"https://desk.example.com/hook\", without user name and fragment";
        url.filter(is_plain).map(Self).ok_or_else(|| D::Error::custom(expected))
    }
}

/// The types of events that a webhook receives, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvents(Vec<EventType>);

impl WebhookEvents {
    /// The types, without duplicates.
    pub fn iter(&self) -> impl Iterator<Item = EventType> {
        self.0.iter().copied()
    }
}

impl Default for WebhookEvents {
    fn default() -> Self {
        Self(EventType::ALL.to_vec())
    }
}

impl<'de> Deserialize<'de> for WebhookEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let mut events: Vec<EventType> = Vec::new();
        for name in &names {
            let event = EventType::named(name).ok_or_else(|| {
                D::Error::custom(format!(
                    "expected some of {}",
                    EventType::ALL.map(EventType::as_str).join(", ")
                ))
            })?;
            if !events.contains(&event) {
                events.push(event);
            }
        }
        if events.is_empty() {
            Err(D::Error::custom("expected at least one event"))
        } else {
            Ok(Self(events))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error as ValueError, StrDeserializer};

    use super::*;

    #[test]
    fn a_url_is_absolute_and_plain() {
        let read = |text| WebhookUrl::deserialize(StrDeserializer::<ValueError>::new(text));
        for url in [
            "https://desk.example.com/hook",
            "http://127.0.0.1:9000/",
            "https://desk.example.com/hook?of=chat",
        ] {
            assert_eq!(read(url).unwrap().as_url().as_str(), url);
        }
        for malformed in [
            "",
            "desk.example.com/hook",
            "/hook",
            "ftp://desk.example.com/",
            "https://me@desk.example.com/",
            "https://:secret@desk.example.com/",
            "https://desk.example.com/#a",
            "https://desk.example.com/a b",
            " https://desk.example.com/",
        ] {
            assert!(read(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn events_are_named_and_all_by_default() {
        let read = |text: &str| {
            toml::from_str::<toml::Table>(text).unwrap()["events"].clone().try_into::<WebhookEvents>()
        };
        let events = read(r#"events = ["message.added", "conversation.closed", "message.added"]"#).unwrap();
        assert_eq!(events.0, [EventType::MessageAdded, EventType::ConversationClosed]);
        assert_eq!(WebhookEvents::default().0, EventType::ALL);
        for malformed in ["events = []", r#"events = ["message"]"#, r#"events = "message.added""#] {
            assert!(read(malformed).is_err(), "{malformed}");
        }
    }
}
