//! Refresh with one call from FAS to SAS, beside the last commit with two, and beside a null chain.

use super::*;

/// The commit that made it one call.
const ONE_CALL: &str = "3c99900";

pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<Report> {
    let now = bench.plan("now")?.start()?;
    let then = Plan { programs: programs_before()?, ..bench.plan("then")? }.start()?;
    let (last, last_at) = null_link(bench, None)?;
    let (second, second_at) = null_link(bench, Some(last_at))?;
    let (first, address) = null_link(bench, Some(second_at))?;
    let (mut goals, mut rows) = (Vec::new(), Vec::new());
    for connections in [16, 64] {
        let load = Path::Refresh.load(&bench.path("chain"), now.orchestrator, &called(1))?;
        let targets = [
            now.target("one call", Path::Refresh)?,
            then.target("two calls", Path::Refresh)?,
            Target { name: "null chain", address, processes: vec![&first, &second, &last], load },
        ];
        let what = format!("refresh, {connections} connections");
        let runs = compare(bench.arguments, &what, connections, &targets)?;
        rows.extend(runs.rows(&what));
        let text = format!("{what}: requests/s ÷ those with two calls");
        goals.push(Goal::at_least(text, 1.3, runs.rate("two calls"), "×"));
        if connections == 64 {
            let text = format!("{what}: requests/s ÷ those of its null chain");
            goals.push(Goal::at_least(text, 0.5, runs.rate("null chain"), "×"));
        }
    }
    Ok(Report { goals, text: format!("{}.\n{}", bench.effort(), table(&HEAD, &rows)) })
}

/// Starts a link of the null chain, before `next` or as the last one.
pub(super) fn null_link(bench: &Bench<'_>, next: Option<SocketAddr>) -> Outcome<(Process, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new(own_programs()?.join("null_link"));
    command.arg(address.to_string()).args(next.map(|next| next.to_string()));
    let mut process = Process::start(&mut command, bench.path("null-link.log"))?;
    process.until(|| Connection::open(address))?;
    Ok((process, address))
}

/// Builds the services of the commit before [`ONE_CALL`] below `target`, unless they are there.
fn programs_before() -> Outcome<PathBuf> {
    let script = format!(
        "set -eo pipefail; commit=$(git rev-parse --short {ONE_CALL}~1); tree=target/two-calls-$commit; \
         [ -e $tree ] || {{ mkdir -p $tree; git archive $commit | tar -x -C $tree; }}; cd $tree; CARGO_TARGET_DIR=target \
         cargo build -q --release --locked -p orchestrator -p federated-auth -p scoped-auth; pwd"
    );
    Ok(Folder::new(output(Command::new("bash").args(["-c", &script]))?.trim()).join("target/release"))
}
