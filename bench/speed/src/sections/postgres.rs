//! Creates and refreshes on PostgreSQL, beside SQLite, and pgbench with the statement of a refresh.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<Report> {
    let folder = bench.path("postgres");
    fs::create_dir(&folder)?;
    // The server may run as another user.
    fs::set_permissions(bench.path(""), fs::Permissions::from_mode(0o755))?;
    let mut server = Process::start(Command::new("bench/postgres").arg(&folder), bench.path("postgres.log"))?;
    server.until(|| psql(&folder, "SELECT 1"))?;
    let socket = folder.display().to_string().replace('/', "%2F");
    let url = |name: &str| format!("DATABASE_URL=postgres://test:unused@localhost/{name}?host={socket}\n");
    let mut plan = bench.plan("on-postgres")?;
    plan.settings = format!("ORCHESTRATOR_{}SCOPED_AUTH_{}", url("conversations"), url("sessions"));
    for program in ["orchestrator", "scoped-auth"] {
        let settings = plan.settings.lines().filter_map(|line| line.split_once('='));
        output(Command::new(plan.programs.join(program)).arg("migrate").envs(settings))?;
    }
    let stack = plan.start()?;
    let sqlite = bench.plan("on-sqlite")?.start()?;
    let (mut goals, mut rows) = (Vec::new(), Vec::new());
    for (path, wanted) in [(Path::Create, 0.95), (Path::Refresh, 0.85)] {
        let mut targets = [stack.target("PostgreSQL", path)?, sqlite.target("SQLite", path)?];
        targets[0].processes.push(&server);
        let runs = compare(bench.arguments, &path.name(), 16, &targets)?;
        rows.extend(runs.rows(&path.name()));
        let text = format!("{}: requests/s ÷ those on SQLite", path.name());
        goals.push(Goal::at_least(text, wanted, runs.rate("SQLite"), "×"));
    }
    let rate = pgbench(&folder, &stack)?;
    let mut text = format!("16 connections, {}; with PostgreSQL's CPU and memory.\n", bench.effort());
    text.push_str(&table(&HEAD, &rows));
    text.push_str("\nFor information: `pgbench` with 16 clients runs the statement that advances a session ");
    text.push_str(&format!("{} times a second.\n", figure(rate)));
    Ok(Report { goals, text })
}

/// Runs the statement that advances a session, as the service sends it, for 16 clients, each with sessions of its own whose
/// generation grows; returns its rate.
fn pgbench(folder: &Folder, stack: &Stack) -> Outcome<f64> {
    let mut browser = Connection::open(stack.orchestrator)?;
    let token = member(&browser.call(&requests::create(FIRST))?, "token")?;
    browser.call(&requests::refresh(FIRST, &token))?;
    let newest = "SELECT query FROM pg_stat_activity WHERE query LIKE '%INSERT INTO sessions%' AND pid <> \
                  pg_backend_pid() ORDER BY query_start DESC LIMIT 1";
    let statement = psql(folder, newest)?;
    // The session's id and generation, three times, and two fingerprints; as arrays of one if the statement takes arrays.
    let time = "9000000000000::bigint";
    let values = [":id::text", ":next::bigint", "0::bigint", time, time, "NULL::text", "NULL::text"];
    let mut script =
        format!("\\set id :client_id * 1000 + random(1, 125)\n\\set next :next + 1\n{statement};\n");
    for (at, value) in values.iter().enumerate().rev() {
        let value = if statement.contains("[]") { format!("ARRAY[{value}]") } else { (*value).to_owned() };
        script = script.replace(&format!("${}", at + 1), &value);
    }
    let file = folder.join("advance.sql");
    fs::write(&file, script)?;
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["-n", "-Mprepared", "-Dnext=0", "-c16", "-T5", "-Utest", "-f"]).arg(file);
    let said = output(pgbench.arg("-h").arg(folder).arg("sessions"))?;
    let rate = said.split_once("tps = ").and_then(|(_, rest)| rest.split(' ').next());
    Ok(rate.ok_or_else(|| format!("pgbench printed no rate: {said}"))?.parse()?)
}

fn psql(folder: &Folder, statement: &str) -> Outcome<String> {
    output(Command::new("psql").args(["-Utest", "-Atqc", statement, "-h"]).arg(folder).arg("sessions"))
}
