//! A Postgres client over handfast, and Debian's postgres over the kernel: they meet at a TUN, in a network namespace that is
//! gone afterwards. Needs root and `postgresql`; the server itself runs as the user `postgres`.

use anyhow::{Context as _, Result, ensure};
use handfast::{Stack, TcpStream};
use handfast_examples::namespace::{Server, inside, program};
use handfast_examples::{KERNEL, on_tun};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio_postgres::{Config, NoTls};

/// What the database said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) version: String,
    /// How many rows there are, and their sum.
    pub(crate) rows: (i64, i64),
    /// What a wrong password gives.
    pub(crate) refused: String,
}

async fn talk(stack: &Stack) -> Result<Said> {
    let mut config = Config::new();
    config.user("postgres").password("wrong").dbname("postgres");
    let stream = TcpStream::connect_on(stack, (KERNEL, 5432)).await?;
    let refused = match config.connect_raw(stream, NoTls).await {
        Ok(_) => anyhow::bail!("a wrong password was taken"),
        Err(why) => why.code().map_or_else(String::new, |code| code.code().to_owned()),
    };

    config.password("handfast");
    let stream = TcpStream::connect_on(stack, (KERNEL, 5432)).await?;
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute("CREATE TABLE numbers (n bigint NOT NULL, text text NOT NULL)").await?;
    client
        .execute(
            "INSERT INTO numbers SELECT n, repeat('x', 100) FROM generate_series(1, $1::bigint) n",
            &[&50_000_i64],
        )
        .await?;
    let rows = client.query("SELECT n, text FROM numbers ORDER BY n", &[]).await?;
    let sum = rows.iter().map(|row| row.get::<_, i64>(0)).sum();
    ensure!(rows.iter().all(|row| row.get::<_, &str>(1).len() == 100), "a text is cut");
    let version = client.query_one("SHOW server_version", &[]).await?.get(0);
    drop(client);
    connection.await??;
    Ok(Said { version, rows: (rows.len() as i64, sum), refused })
}

/// A directory of the user `postgres` that goes away.
struct Data(PathBuf);

impl Data {
    fn new() -> Result<Self> {
        let data = Self(std::env::temp_dir().join(format!("handfast-postgres-{}", std::process::id())));
        fs::create_dir(&data.0)?;
        succeed(Command::new("chown").arg("postgres").arg(&data.0))?;
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {why}", self.0.display());
        }
    }
}

fn as_postgres(name: &str, dir: &Path) -> Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    command.arg(program(name).with_context(|| format!("{name} is not installed"))?).current_dir(dir);
    command.env("LC_ALL", "C.UTF-8");
    Ok(command)
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Makes a database, starts its server in this namespace, and talks to it.
pub(crate) async fn run() -> Result<Said> {
    let stack = on_tun("hf0")?;
    let dir = Data::new()?;
    fs::write(dir.0.join("password"), "handfast")?;
    let mut initdb = as_postgres("initdb", &dir.0)?;
    initdb.args(["-D", "data", "-U", "postgres", "--auth=scram-sha-256", "--pwfile=password", "--no-sync"]);
    succeed(&mut initdb)?;
    // Whoever comes from the stack has to know the password.
    let rules = dir.0.join("data/pg_hba.conf");
    fs::write(&rules, "host all all 10.111.0.0/24 scram-sha-256\n")?;
    let mut postgres = as_postgres("postgres", &dir.0)?;
    postgres.args(["-D", "data", "-p", "5432", "-h"]).arg(KERNEL.to_string());
    postgres.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
    let _server = Server::start(&mut postgres, "ready to accept connections")?;
    talk(&stack).await
}

#[tokio::main]
async fn main() -> Result<()> {
    if inside(&[])? {
        let Said { version, rows: (rows, sum), refused } = run().await?;
        println!("PostgreSQL {version} gave {rows} rows with the sum {sum};");
        println!("a wrong password was refused with {refused}");
    }
    Ok(())
}
