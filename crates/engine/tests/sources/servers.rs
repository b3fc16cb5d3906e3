//! Database servers of Debian's packages, started on a free port in a folder of their own, and gone at the end.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs while this lives.
pub struct Server {
    child: Child,
    pub port: u16,
    /// Its files; they go with it.
    _dir: tempfile::TempDir,
    tools: Vec<PathBuf>,
    user: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|done| done.is_none()) && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().map(|f| f.join(name)).find(|p| p.is_file())
}

/// The user that a server must run as: servers refuse root.
fn other_user(name: &str) -> Option<String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    root.then(|| name.to_owned())
}

fn command(program: &Path, user: Option<&str>) -> Command {
    match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
            command
        }
    }
}

fn run(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{command:?}: {said}");
    said
}

fn start(mut command: Command, port: u16, log: &Path) -> Child {
    let log_file = std::fs::File::create(log).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(log_file.try_clone().unwrap()).stderr(log_file).spawn().unwrap();
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().unwrap().is_some();
        if ended || start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("the server did not start: {}", std::fs::read_to_string(log).unwrap());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

fn give(dir: &Path, user: Option<&str>) {
    if let Some(user) = user {
        run(Command::new("chown").args([OsStr::new("-R"), OsStr::new(user), dir.as_os_str()]));
    }
}

/// A PostgreSQL server with the user `owner`, or nothing where the package is not installed.
pub fn postgres() -> Option<Server> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let (Some(initdb), Some(server)) = (find("initdb", &folders), find("postgres", &folders)) else {
        eprintln!("skipped: PostgreSQL is not installed (Debian: postgresql)");
        return None;
    };
    let user = other_user("postgres");
    let dir = tempfile::tempdir().unwrap();
    let (data, port) = (dir.path().join("data"), free_port());
    std::fs::write(dir.path().join("password"), "owner-secret\n").unwrap();
    give(dir.path(), user.as_deref());
    run(command(&initdb, user.as_deref())
        .args(["--username", "owner", "--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8", "--locale", "C", "--pwfile"])
        .arg(dir.path().join("password"))
        .arg("-D")
        .arg(&data));
    let mut serve = command(&server, user.as_deref());
    serve.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "timezone=America/New_York", "-k"]).arg(dir.path());
    let child = start(serve, port, &dir.path().join("log"));
    let server = Server { child, port, _dir: dir, tools: folders, user };
    let ready = Instant::now();
    while server.try_psql("postgres", "SELECT 1").is_err() {
        assert!(ready.elapsed() < Duration::from_secs(30), "the server is not ready");
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(server)
}

/// A MariaDB server with the user `owner`, or nothing where the package is not installed.
pub fn mariadb() -> Option<Server> {
    let folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(PathBuf::from).to_vec();
    let (Some(install), Some(server)) = (find("mariadb-install-db", &folders), find("mariadbd", &folders)) else {
        eprintln!("skipped: MariaDB is not installed (Debian: mariadb-server)");
        return None;
    };
    let user = other_user("mysql");
    let dir = tempfile::tempdir().unwrap();
    let (data, port) = (dir.path().join("data"), free_port());
    std::fs::create_dir(&data).unwrap();
    std::fs::write(
        dir.path().join("init.sql"),
        "CREATE USER owner@'127.0.0.1' IDENTIFIED BY 'owner-secret';\nGRANT ALL ON *.* TO owner@'127.0.0.1' WITH GRANT OPTION;\n",
    )
    .unwrap();
    give(dir.path(), user.as_deref());
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    run(command(&install, user.as_deref()).args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]).arg(flag("datadir", &data)));
    let mut serve = command(&server, user.as_deref());
    serve
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--default-time-zone=-05:00", "--skip-name-resolve"])
        .arg(flag("datadir", &data))
        .arg(flag("socket", &dir.path().join("socket")))
        .arg(flag("pid-file", &dir.path().join("pid")))
        .arg(flag("init-file", &dir.path().join("init.sql")))
        .arg(format!("--port={port}"));
    let child = start(serve, port, &dir.path().join("log"));
    Some(Server { child, port, _dir: dir, tools: folders, user })
}

impl Server {
    fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let psql = find("psql", &self.tools).expect("psql comes with the server");
        let out = command(&psql, self.user.as_deref())
            .env("PGPASSWORD", "owner-secret")
            .args(["-h", "127.0.0.1", "-U", "owner", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-p"])
            .arg(self.port.to_string())
            .args(["-c", sql])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }

    /// Runs SQL as the owner.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs SQL as the owner.
    pub fn mariadb(&self, sql: &str) -> String {
        let client = find("mariadb", &self.tools).expect("the client comes with the server");
        run(Command::new(client)
            .args(["--no-defaults", "-h", "127.0.0.1", "-u", "owner", "-powner-secret", "--default-character-set=utf8mb4", "-P"])
            .arg(self.port.to_string())
            .args(["-e", sql]))
    }
}
