//! PostgreSQL for tests: a cluster per test binary, a fresh database per test. A shell holds the server; its input closes
//! when this process ends, in whatever way, and it then stops the server and removes the files.

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

/// `Kind: tests` runs each test on both engines: with `Kind::on_sqlite()` and with `Kind::on_postgres()`. `Kind` and the
/// tests are in the scope of the call.
#[macro_export]
macro_rules! on_both_engines {
    ($kind:ident: $($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(super::$kind::on_sqlite().await).await;
                }
            )*
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(super::$kind::on_postgres().await).await;
                }
            )*
        }
    };
}

/// Arguments: the data folder and the folder of the programs. Each line of input is an action of `pg_ctl`; the end of input
/// stops the server. `fsync` is off, since durability is not tested here.
const KEEPER: &str = r#"
# An interrupt of the tests reaches this shell too, which has to survive it to stop the server.
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

/// A PostgreSQL server.
pub struct Cluster {
    folder: PathBuf,
    keeper: Mutex<Keeper>,
}

struct Keeper {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _shell: Child,
}

impl Cluster {
    /// The cluster that all tests of this binary share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::launch)
    }

    /// Starts a separate cluster, which a test may stop and start.
    pub fn launch() -> Self {
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

    /// Starts the server; returns once it accepts connections.
    pub fn start(&self) {
        self.run("start");
    }

    /// Stops the server; returns once it and all its connections are closed.
    pub fn stop(&self) {
        self.run("stop");
    }

    fn run(&self, action: &str) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.input, "{action}").unwrap();
        let mut outcome = String::new();
        keeper.output.read_line(&mut outcome).unwrap();
        let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert_eq!(outcome.trim(), "0", "pg_ctl {action}: {}", log());
    }

    /// The URL of a new, empty database.
    pub async fn database(&self) -> String {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        self.url(&name)
    }

    /// The socket that the server listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://test:hunter2@localhost/{database}?host={folder}")
    }
}

/// A command prefix that runs PostgreSQL as the user `nobody` if the test runs as root, since PostgreSQL refuses to run as
/// root. Makes `nobody` the owner of `folder`.
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

/// The folder of the server's programs: on Debian by version, and not on the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|version| {
        version.file_name().to_str().and_then(|number| number.parse().ok()).unwrap_or(0u32)
    });
    newest.map_or_else(|| "/usr/local/bin".into(), |version| version.path().join("bin"))
}
