//! Stacks that each have much of one thing, beside one that has not, and beside another run of the same.

use std::{thread::sleep, time::Duration};

use service_runtime::Clock;

use super::*;
use crate::accounts::CALLED;

const MANY: usize = 1_000_000;
const AGAIN: &str = "the same again";

pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<Report> {
    let plan = |name: &str, deployments| Plan::new(bench.path(name), deployments);
    // The store has its tables once the service has run.
    drop(plan("revoked", CALLED)?.start()?);
    revoke(&bench.path("revoked"))?;
    let stacks = [
        ("10,000 deployments", plan("base", CALLED)?.start()?),
        (AGAIN, plan("again", CALLED)?.start()?),
        ("1,000,000 deployments", plan("deployments", MANY)?.start()?),
        ("1,000,000 revoked sessions", plan("revoked", CALLED)?.start()?),
        ("64 keys", plan("keys", CALLED)?.start()?),
    ];
    let (mut goals, mut notes) = (Vec::new(), String::new());
    let mut rows: Vec<_> = stacks.iter().map(|(name, _)| vec![(*name).to_owned()]).collect();
    // Validate is first: its tokens are created before the keys are added, by the first one.
    for path in [Path::Validate, Path::Create, Path::Refresh] {
        let targets = stacks.iter().map(|(name, stack)| stack.target(name, path));
        let targets = targets.collect::<Outcome<Vec<_>>>()?;
        if path == Path::Validate {
            stacks.last().map_or(Ok(()), |(_, stack)| add_keys(stack))?;
        }
        let runs = compare(bench.arguments, &path.name(), 16, &targets)?;
        let again = runs.ratios(AGAIN, |[rate, ..]| *rate);
        let most = again.iter().map(|ratio| (ratio - 1.0).abs()).fold(0.0, f64::max);
        notes.push_str(&format!("- {}: {:.1} %\n", path.name(), most * 100.0));
        for (row, (name, rate)) in rows.iter_mut().zip(runs.rates()) {
            let ratio = median(runs.ratios(name, |[rate, ..]| 1.0 / rate));
            row.push(if ratio == 1.0 { format!("{}/s", figure(rate)) } else { format!("{ratio:.3}") });
            if name.contains(",000,000") || name.contains("keys") {
                let text = format!("{name}, {}: requests/s ÷ those of the first", path.name());
                goals.push(Goal::at_least(text, 1.0 - most, ratio, "×"));
            }
        }
    }
    let head = ["", "validate", "create", "refresh"];
    let mut text =
        format!("16 connections, {}; requests/s, then ratios to the first row's.\n", bench.effort());
    text.push_str(&table(&head, &rows));
    text.push_str(&format!("\nIn one round, two equal stacks differed by at most:\n\n{notes}"));
    Ok(Report { goals, text })
}

/// Adds sessions that started within the last hour and were revoked just now, to a store with its tables.
fn revoke(folder: &Folder) -> Outcome<()> {
    let now = Clock::system().now().timestamp_millis();
    // A session's id is a UUID version 7: the milliseconds of its start, then random bits.
    let rows = format!(
        "BEGIN; WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {MANY}), \
         started (n, millis) AS (SELECT n, {now} - n * 3600000 / {MANY} FROM counted) \
         INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
         SELECT n, 'session', printf('%08x-%04x-7%s-8%s-%s', millis >> 16, millis & 65535, \
         substr(lower(hex(randomblob(2))), 2), substr(lower(hex(randomblob(2))), 2), lower(hex(randomblob(6)))), \
         {now}, {now} + 86400000 FROM started; UPDATE revocation_count SET last_id = {MANY}; COMMIT"
    );
    Ok(rusqlite::Connection::open(folder.join("sessions.db"))?.execute_batch(&rows)?)
}

/// Adds keys to the ring of a running stack, and waits until the last one is active.
fn add_keys(stack: &Stack) -> Outcome<()> {
    let header = || -> Outcome<String> {
        let created = Connection::open(stack.orchestrator)?.call(&requests::create(FIRST))?;
        Ok(member(&created, "token")?.split('.').next().unwrap_or_default().to_owned())
    };
    let (before, mut last) = (header()?, String::new());
    for _ in 1..64 {
        last = stack.plan.keys(&["generate", "--use", "enc"])?;
    }
    stack.plan.keys(&["activate", last.split(':').next().unwrap_or_default(), "--now"])?;
    while header()? == before {
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
