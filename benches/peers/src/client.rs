//! The harness's side of a worker: starts it, gives commands, holds it still while others are timed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::affinity;
use crate::peers::{Host, Spec};
use crate::problem::{Answer, Shape, Type};

pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What the peer is made of, with versions.
    pub version: String,
}

/// Has the C library ask for huge pages whenever it takes memory from the system.
pub const HUGE_PAGES: &str = "glibc.malloc.hugetlb=1";

/// All that workers have in common.
pub struct Setup {
    pub python: PathBuf,
    /// A directory for problems and answers.
    pub dir: PathBuf,
    /// Whether all workers ask for huge pages. NumPy does so by itself for its arrays: alike for all is fair.
    pub huge_pages: bool,
}

impl Worker {
    /// Starts a worker on these cores, with as many threads.
    ///
    /// # Errors
    ///
    /// With the reason why the peer cannot run: it is not installed or not built.
    pub fn start(spec: Spec, cores: &[usize], setup: &Setup) -> Result<Self> {
        let mut command = command(spec, cores.len(), setup)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        limit_threads(&mut command, cores.len());
        if spec.is_ours() {
            // The parts of a pass are on the threads already: the ndarray peer's feature `matrixmultiply-threading`, which
            // is on for all of this program, would have each of them multiply on as many again.
            command.env("MATMUL_NUM_THREADS", "1");
        }
        if setup.huge_pages {
            command.env("GLIBC_TUNABLES", HUGE_PAGES);
        }
        let mut child = affinity::on_cores(cores, || command.spawn()).context("the worker does not start")?;
        let input = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut worker = Self { child, input, output, version: String::new() };
        worker.version = worker.reply()?;
        worker.pause();
        Ok(worker)
    }

    pub fn load(&mut self, problem: &Path, element: Type, shape: Shape) -> Result<()> {
        self.command(&format!("load {} {element} {shape}", problem.display())).map(drop)
    }

    /// Loss and gradient of one call, or so many products, by way of a file in `dir`.
    pub fn answer(&mut self, dir: &Path, shape: Shape, count: usize) -> Result<Answer> {
        let path = dir.join("answer");
        // An old answer must not pass for a new one.
        let _ = std::fs::remove_file(&path);
        self.command(&format!("answer {}", path.display()))?;
        Answer::read(&path, shape, count)
    }

    /// The seconds that so many calls take.
    pub fn time(&mut self, calls: usize) -> Result<f64> {
        Ok(self.command(&format!("time {calls}"))?.parse()?)
    }

    /// The bytes of memory in use, and their peak since [`reset_peak`](Self::reset_peak).
    pub fn memory(&mut self) -> Result<(u64, u64)> {
        pair(&self.command("memory")?)
    }

    pub fn reset_peak(&mut self) -> Result<()> {
        self.command("reset").map(drop)
    }

    /// How often one call allocates, and the most bytes that it holds.
    pub fn allocations(&mut self) -> Result<(u64, u64)> {
        pair(&self.command("allocations")?)
    }

    fn command(&mut self, line: &str) -> Result<String> {
        self.resume();
        let reply = writeln!(self.input, "{line}").context("the worker is gone").and_then(|()| self.reply());
        self.pause();
        reply
    }

    fn reply(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let line = line.trim_end();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("ok", result) => Ok(result.to_owned()),
            ("error", reason) => Err(anyhow!("{reason}")),
            ("", _) => bail!("the worker ended"),
            _ => bail!("the worker says: {line}"),
        }
    }

    // Idle threads of some libraries spin for a while, on the cores where the next peer is timed.
    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    fn pause(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::STOP);
    }

    fn resume(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::CONT);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A stopped process takes the signal too; there is nothing to save in it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pair(text: &str) -> Result<(u64, u64)> {
    let (a, b) = text.split_once(' ').context("two numbers expected")?;
    Ok((a.parse()?, b.parse()?))
}

fn command(spec: Spec, threads: usize, setup: &Setup) -> Result<Command> {
    let mut command;
    match spec.host {
        Host::Rust => {
            command = Command::new(std::env::current_exe()?);
            command.args(["--worker", spec.name]);
            command.args(["--threads", &threads.to_string()]);
        }
        Host::Python(script) => {
            let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("workers/worker.py");
            command = Command::new(&setup.python);
            command.arg("-B").arg(main).args([script, spec.name, &threads.to_string()]);
        }
    }
    Ok(command)
}

/// Every library's own way to be told how many threads to use.
fn limit_threads(command: &mut Command, threads: usize) {
    let variables = [
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "RAYON_NUM_THREADS",
        "MATMUL_NUM_THREADS",
        "NPROC",
    ];
    for variable in variables {
        command.env(variable, threads.to_string());
    }
    command.env("JAX_PLATFORMS", "cpu");
    if threads == 1 {
        command.env("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false");
    }
}
