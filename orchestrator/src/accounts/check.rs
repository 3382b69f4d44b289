//! `orchestrator accounts check`: reports every problem of an `accounts.toml`, whereas the service stops at the first. It
//! deserialises each table into the service's own types, skips a malformed value, and continues.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};
use shared_types::{AccountSid, ApiKeySid, AssertionAudience, DeploymentKey};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer, Error},
};

use super::{
    allowed_origins::AllowedOrigins,
    document::{AccountTable, ApiKeyTable, DeploymentTable, UniqueIds, WebhookTable, line_of},
    limits::DeploymentLimits,
    snapshot::AccountsError,
};
use crate::webhooks::signing_secrets;

/// A problem of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// Whether the service rejects the file because of it.
    pub is_fatal: bool,
    /// A description of one line.
    pub what: String,
}

/// `12: error: …`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_fatal { "error" } else { "warning" };
        write!(f, "{}: {kind}: {}", self.line, self.what)
    }
}

/// All problems of the text, ordered by line. Relative paths in it start at `folder`; the files with signing secrets of
/// webhooks are read.
pub fn problems(text: &str, folder: &Path) -> Vec<Problem> {
    let mut check = Check {
        text,
        folder,
        problems: Vec::new(),
        sids: UniqueIds::default(),
        keys: UniqueIds::default(),
        api_key_sids: UniqueIds::default(),
        audiences: HashMap::new(),
    };
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        check.error(fault);
    }
    if faults.is_empty() {
        check.document(document.into_inner());
    }
    check.problems.sort_by_key(|problem| problem.line);
    check.problems
}

struct Check<'i> {
    text: &'i str,
    folder: &'i Path,
    problems: Vec<Problem>,
    sids: UniqueIds<AccountSid>,
    keys: UniqueIds<DeploymentKey>,
    api_key_sids: UniqueIds<ApiKeySid>,
    /// The account that listed each audience first.
    audiences: HashMap<AssertionAudience, AccountSid>,
}

/// The top level has no keys besides the accounts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<'i> Check<'i> {
    fn document(&mut self, mut document: DeTable<'i>) {
        let accounts = self.tables(&mut document, "account");
        if accounts.is_empty() && self.problems.is_empty() {
            self.report(0, true, "there is no [[account]]");
        }
        self.read::<Nothing>(Spanned::new(0..0, document));
        for mut account in accounts {
            let deployments = self.tables(account.get_mut(), "deployment");
            let api_keys = self.tables(account.get_mut(), "api_key");
            let webhooks = self.tables(account.get_mut(), "webhook");
            let at = account.span().start;
            if deployments.is_empty() {
                self.report(at, false, "this account has no [[account.deployment]]");
            }
            if let Some(account) = self.read::<AccountTable>(account) {
                let inserted = self.sids.insert(self.text, 0, &account.sid);
                self.problems.extend(inserted.err().map(Problem::from));
                self.audiences(&account);
            }
            for deployment in deployments {
                // Whatever else is malformed.
                self.origins(deployment.get_ref());
                if let Some(deployment) = self.read::<DeploymentTable>(deployment) {
                    let inserted = self.keys.insert(self.text, 0, &deployment.key);
                    self.problems.extend(inserted.err().map(Problem::from));
                    self.limits(deployment.key.span().start, &deployment.rate_limits);
                }
            }
            let mut urls = HashSet::new();
            for webhook in webhooks {
                if let Some(webhook) = self.read::<WebhookTable>(webhook) {
                    if !urls.insert(webhook.url.get_ref().clone()) {
                        let at = webhook.url.span().start;
                        self.report(at, true, "another webhook of this account has the same URL");
                    }
                    self.webhook(&webhook);
                }
            }
            for api_key in api_keys {
                if let Some(api_key) = self.read::<ApiKeyTable>(api_key) {
                    let inserted = self.api_key_sids.insert(self.text, 0, &api_key.sid);
                    self.problems.extend(inserted.err().map(Problem::from));
                }
            }
        }
    }

    /// Removes the array of tables of this name from a table.
    fn tables(&mut self, table: &mut DeTable<'i>, name: &str) -> Vec<Spanned<DeTable<'i>>> {
        let Some(value) = table.remove(name) else { return Vec::new() };
        let at = value.span().start;
        let DeValue::Array(elements) = value.into_inner() else {
            self.report(at, true, format!("expected [[{name}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in elements {
            let span = element.span();
            if let DeValue::Table(table) = element.into_inner() {
                tables.push(Spanned::new(span, table));
            } else {
                self.report(span.start, true, format!("expected [[{name}]]"));
            }
        }
        tables
    }

    /// Deserialises a table without its malformed entries. `None` if there was one.
    fn read<T: DeserializeOwned>(&mut self, mut table: Spanned<DeTable<'i>>) -> Option<T> {
        let mut is_whole = true;
        loop {
            let error = match T::deserialize(Deserializer::from(table.clone())) {
                Ok(read) => return is_whole.then_some(read),
                Err(error) => error,
            };
            let Some(key) = error.span().and_then(|span| entry_at(table.get_ref(), span.start)) else {
                // A field that is missing because it was removed here was reported already.
                let is_new = is_whole || !error.message().starts_with("missing field");
                if is_new {
                    self.error(&error);
                }
                return None;
            };
            self.error(&error);
            table.get_mut().remove(key.as_str());
            is_whole = false;
        }
    }

    fn origins(&mut self, deployment: &DeTable<'_>) {
        let Some(DeValue::Array(list)) = deployment.get("allowed_origins").map(Spanned::get_ref) else {
            return;
        };
        if let Some(first) = list.get(AllowedOrigins::MAX_ENTRIES) {
            let most = AllowedOrigins::MAX_ENTRIES;
            let what = format!("{} allowed origins; at most {most} can be listed", list.len());
            self.report(first.span().start, true, what);
        }
        for entry in list.iter() {
            // `read` reports what is no text.
            let DeValue::String(text) = entry.get_ref() else { continue };
            let at = entry.span().start;
            let bare = !text.contains("://") && text != "*";
            match AllowedOrigins::parse(&[text]) {
                Err(malformed) if bare => {
                    self.report(at, true, format!("{}; did you mean \"https://{text}\"?", malformed.reason));
                }
                Err(malformed) => self.report(at, true, malformed.reason),
                Ok(parsed) => self.lint(at, text, parsed.joined()),
            }
        }
    }

    /// A verifier that does not check `account_sid` takes the guests of one account for those of the other.
    fn audiences(&mut self, account: &AccountTable) {
        let Some(audiences) = &account.assertion_audiences else { return };
        let sid = *account.sid.get_ref();
        for audience in audiences.get_ref().entries() {
            let first = *self.audiences.entry(audience.clone()).or_insert(sid);
            if first != sid {
                let what = format!(
                    "the assertion audience {:?} is also one of {first}: that service must check `account_sid`",
                    audience.as_str()
                );
                self.report(audiences.span().start, false, what);
            }
        }
    }

    /// One household must not be able to use up the reserve for other networks.
    fn limits(&mut self, at: usize, limits: &DeploymentLimits) {
        let [_, of_56, _] = limits.nested;
        let household = limits.visitor_creates_per_minute.saturating_mul(of_56).get();
        if limits.creates_per_minute.get() / 4 < household {
            let what = format!(
                "a quarter of creates_per_minute, {}, is less than what a /56 may use of it, {household}: one household can \
                 lock out all others",
                limits.creates_per_minute
            );
            self.report(at, false, what);
        }
    }

    /// The URL is not printed: its path and query can be secrets.
    fn webhook(&mut self, webhook: &WebhookTable) {
        let (url, file) = (&webhook.url, &webhook.signing_secret_file);
        if url.get_ref().as_url().scheme() == "http" {
            let what = "this http URL is sent to only if ORCHESTRATOR_WEBHOOK_ALLOW_PRIVATE is true";
            self.report(url.span().start, false, what);
        }
        if let Err(reason) = signing_secrets::load(&self.folder.join(file.get_ref())) {
            let what = format!("no events are sent: signing secret file {:?}: {reason}", file.get_ref());
            self.report(file.span().start, false, what);
        }
    }

    fn lint(&mut self, at: usize, text: &str, is_read_as: &str) {
        if text != is_read_as {
            self.report(at, false, format!("allowed origin {text:?} is read as {is_read_as:?}"));
        }
        let host = is_read_as.strip_prefix("http://").unwrap_or_default();
        let is_local = ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local));
        if !host.is_empty() && !is_local {
            let what = "pages over plain HTTP show no client hints, have no proof key, and can be modified in transit";
            self.report(at, false, format!("allowed origin {text:?}: {what}"));
        }
        let allows_too_much = match is_read_as {
            "null" => Some("allows every sandboxed frame and local file, of any author"),
            "capacitor://localhost" | "ionic://localhost" | "https://localhost" => {
                Some("allows every app of this kind, of any author")
            }
            _ if is_public_suffix(is_read_as) => {
                Some("allows the sites of everybody who registers a name there")
            }
            _ => None,
        };
        if let Some(what) = allows_too_much {
            self.report(at, false, format!("allowed origin {text:?} {what}"));
        }
    }

    fn error(&mut self, error: &Error) {
        let reason = error.message().lines().collect::<Vec<_>>().join("; ");
        self.report(error.span().map_or(0, |span| span.start), true, reason);
    }

    fn report(&mut self, at: usize, is_fatal: bool, what: impl Into<String>) {
        self.problems.push(Problem { line: line_of(self.text, at), is_fatal, what: what.into() });
    }
}

/// Whether an entry is a wildcard below a suffix under which anybody can have a name (publicsuffix.org), such as
/// `https://*.co.uk`.
fn is_public_suffix(entry: &str) -> bool {
    let host = entry.split_once("://*.").map(|(_, host)| host.split(':').next().unwrap_or(host).as_bytes());
    host.is_some_and(|host| psl::suffix(host).is_some_and(|suffix| suffix.as_bytes() == host))
}

/// The key of the entry at `offset`.
fn entry_at(table: &DeTable<'_>, offset: usize) -> Option<String> {
    let is_there = |key: &Spanned<_>, value: &Spanned<DeValue<'_>>| {
        key.span().contains(&offset) || value.span().contains(&offset) || value.span().start == offset
    };
    table.iter().find(|(key, value)| is_there(key, value)).map(|(key, _)| key.get_ref().to_string())
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        Self { line: error.line, is_fatal: true, what: error.reason }
    }
}
