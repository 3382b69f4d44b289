//! A PostgreSQL server for tests: a cluster per test binary, a new database per test. Its parent shell lives as long as
//! this process, however that ends, and then stops the server and removes its files.

#![allow(dead_code, reason = "not every test binary uses all of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

#[allow(unused_macros, reason = "not every test binary uses it")]
/// `Kind: tests` runs each test on both engines: with `crate::Kind::on_sqlite()` and with `on_postgres()`.
macro_rules! on_both_engines {
    ($kind:ident: $($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(crate::$kind::on_sqlite().await).await;
                }
            )*
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(crate::$kind::on_postgres().await).await;
                }
            )*
        }
    };
}

/// Arguments: a folder and the folder of the programs. Each line of input is a `pg_ctl` action; end of input stops the
/// server. Durability is off, as it is not under test.
const KEEPER: &str = r#"
# Those who interrupt the tests mean the tests: the server is to be stopped, and by this shell.
trap '' INT TERM HUP
set -e
PATH=$2:$PATH; cd /
initdb -D "$1/data" -U test -A trust -E UTF8 --no-locale --no-sync >"$1/log" 2>&1
cat >>"$1/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$1'
max_connections = 300
shared_buffers = 16MB
fsync = off
END
set +e
while read -r action; do
  pg_ctl -D "$1/data" -l "$1/log" -m fast -s -w "$action" >/dev/null 2>&1
  echo $?
done
pg_ctl -D "$1/data" -m immediate -s stop >/dev/null 2>&1
rm -rf "$1/data" "$1/log"
rmdir "$1" 2>/dev/null
"#;

/// A server.
pub(crate) struct Cluster {
    folder: PathBuf,
    keeper: Mutex<Keeper>,
}

struct Keeper {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _shell: Child,
}

impl Cluster {
    /// The server shared by this test binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// A separate server, which a test may stop and start.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("pg-").tempdir().unwrap().keep();
        let mut shell = as_nobody(&folder);
        shell.args(["sh", "-c", KEEPER, "keeper"]).arg(&folder).arg(programs());
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().unwrap();
        let keeper = Keeper {
            input: shell.stdin.take().unwrap(),
            output: BufReader::new(shell.stdout.take().unwrap()),
            _shell: shell,
        };
        let cluster = Self { folder, keeper: Mutex::new(keeper) };
        cluster.start();
        cluster
    }

    /// Starts it and waits until it accepts connections.
    pub(crate) fn start(&self) {
        self.control("start");
    }

    /// Stops it and waits until it is down, with all connections closed.
    pub(crate) fn stop(&self) {
        self.control("stop");
    }

    fn control(&self, action: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.input, "{action}").unwrap();
        let mut outcome = String::new();
        keeper.output.read_line(&mut outcome).unwrap();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert_eq!(outcome.trim(), "0", "pg_ctl {action}: {}", log());
    }

    /// The URL of a new, empty database.
    pub(crate) async fn database(&self) -> String {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://test:hunter2@localhost/{database}?host={folder}")
    }
}

/// The server refuses to run as root. The folder is given to the user that runs it.
fn as_nobody(folder: &Path) -> Command {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new("env");
    }
    let nobody = 65534;
    std::os::unix::fs::chown(folder, Some(nobody), Some(nobody)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command
}

/// The folder of the server's programs: Debian keeps them by version, outside `PATH`.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|version| {
        version.file_name().to_str().and_then(|number| number.parse().ok()).unwrap_or(0u32)
    });
    newest.map_or_else(|| "/usr/local/bin".into(), |version| version.path().join("bin"))
}
