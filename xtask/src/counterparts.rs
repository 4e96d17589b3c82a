//! The real programs the tests talk to, where they come from, and how they get onto a machine.
//!
//! A promise about mail is worth something when a mail server nobody here wrote keeps it with us. On a laptop a
//! missing counterpart is a visible skip; in CI it is a failure (`BULKHEAD_REQUIRE_COUNTERPARTS=1`).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Failed, run};

/// A Debian package, the programs that show it is there, and why the tests need it.
#[derive(Debug)]
pub struct Package {
    /// Its name in Debian.
    pub name: &'static str,
    /// Programs it brings.
    pub programs: &'static [&'static str],
    /// Why the tests need it.
    pub reason: &'static str,
}

/// Every Debian package the tests need.
pub const PACKAGES: &[Package] = &[
    Package {
        name: "postfix",
        programs: &["postconf", "postfix", "smtp-source", "smtp-sink"],
        reason: "the practice's mail server: queues, retries and hands over through Open, Held and Open again",
    },
    Package {
        name: "swaks",
        programs: &["swaks"],
        reason: "one SMTP transaction at a time, with every command and answer in the open",
    },
    Package {
        name: "fetchmail",
        programs: &["fetchmail"],
        reason: "the insurer's consumer: a POP3 client nobody here wrote",
    },
    Package {
        name: "curl",
        programs: &["curl"],
        reason: "a second POP3 client, for single commands",
    },
    Package {
        name: "openssh-client",
        programs: &["ssh-keygen", "ssh-agent", "ssh-add"],
        reason: "signs and verifies statements independently of us; holds keys as on a signer's own machine",
    },
    Package {
        name: "openssh-server",
        programs: &["sshd"],
        reason: "the web host that takes the status site by SFTP; it is started for each connection and opens no port",
    },
    Package {
        name: "openssl",
        programs: &["openssl"],
        reason: "a TLS peer and certificates nobody here wrote",
    },
    Package {
        name: "softhsm2",
        programs: &["softhsm2-util"],
        reason: "a PKCS#11 token nobody here wrote: PINs, sessions, missing keys, signatures",
    },
    Package {
        name: "libnss3-tools",
        programs: &["certutil", "pk12util"],
        reason: "NSS' software token, a second one: it unwraps keys as KIM wants it (OAEP over SHA-256), SoftHSM cannot",
    },
    Package {
        name: "python3-venv",
        programs: &["python3"],
        reason: "runs the independent implementation of log and witness (see PYTHON)",
    },
    Package {
        name: "poppler-utils",
        programs: &["pdftotext", "pdfinfo", "pdftohtml"],
        reason: "reads the crisis booklet back, and knows every glyph's width",
    },
    Package {
        name: "chromium",
        programs: &["chromium"],
        reason: "the browser people open the control room and the status site with",
    },
    Package {
        name: "nodejs",
        programs: &["node"],
        reason: "runs what drives Chromium and what looks for barriers on pages (version 20 or newer; see BROWSER)",
    },
    Package {
        name: "npm",
        programs: &["npm"],
        reason: "installs what drives Chromium, exactly as the lock file says",
    },
];

/// Folder of the lock file that names what drives Chromium (playwright-core) and what looks for barriers on pages
/// (axe-core), with their digests. Nothing of it is in the product, and no script of theirs runs at installation.
pub const BROWSER: &str = "bulkhead/tests/browser";

/// A package from PyPI, and why the tests need it.
#[derive(Debug)]
pub struct Wheel {
    /// Name and exact version.
    pub pin: &'static str,
    /// Why the tests need it.
    pub reason: &'static str,
}

/// Every Python package the tests need. They ask for a newer Python than Debian 12 has and run on it all the same,
/// which is why they are installed with `--ignore-requires-python`.
pub const PYTHON: &[Wheel] = &[
    Wheel {
        pin: "aics-tlog==0.2.1",
        reason: "RFC 6962 tree, tiles, signed notes and checkpoints, written by others",
    },
    Wheel {
        pin: "aics-witness==0.1.0",
        reason: "witness that co-signs checkpoints, written by others",
    },
    Wheel {
        pin: "asn1crypto==1.5.1",
        reason: "reads the structure of KIM mails we seal: CMS written by others",
    },
    Wheel {
        pin: "cryptography==50.0.2",
        reason: "decrypts and verifies KIM mails we seal: OpenSSL's cryptography through another door",
    },
];

/// Sees to the Debian packages: installs what is missing as root, otherwise says how.
///
/// # Errors
/// In CI, when something is missing and could not be installed. On other machines a missing counterpart is only said.
pub fn packages(required: bool) -> Result<(), Failed> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        eprintln!("xtask: missing {}: {}", package.name, package.reason);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let outcome = if is_root()? && run::find("apt-get").is_some() {
        install(&names)
    } else {
        let advice = advice(&names);
        Err(Failed::new(format!(
            "to install what is missing:\n\n    {advice}\n"
        )))
    };
    match outcome {
        Err(failed) if !required => {
            eprintln!("xtask: {failed}\nxtask: tests that need what is missing are skipped, visibly");
            Ok(())
        }
        other => other,
    }
}

/// Sees to the Python packages, in a folder of their own under `target`, and gives back the interpreter.
///
/// # Errors
/// In CI, when they cannot be installed. On other machines that is only said.
pub fn python(target: &Path, required: bool) -> Result<Option<PathBuf>, Failed> {
    let folder = target.join("counterparts").join("python");
    let interpreter = folder.join("bin").join("python3");
    match venv(&folder, &interpreter) {
        Ok(()) => Ok(Some(interpreter)),
        Err(failed) if required => Err(failed),
        Err(failed) => {
            eprintln!("xtask: {failed}\nxtask: tests that need these Python packages are skipped, visibly");
            Ok(None)
        }
    }
}

fn venv(folder: &Path, interpreter: &Path) -> Result<(), Failed> {
    let pins: Vec<&str> = PYTHON.iter().map(|wheel| wheel.pin).collect();
    let mark = folder.join("installed");
    let wanted = pins.join("\n");
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    run::show(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    run::show(
        Command::new(interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-input", "--ignore-requires-python"])
            .args(&pins),
    )?;
    fs::write(&mark, wanted)
        .map_err(|cause| Failed::because(&format!("cannot write {}", mark.display()), &cause))
}

/// Sees to the browser's packages, in a folder of their own under `target`, and gives it back.
///
/// # Errors
/// In CI, when they cannot be installed. On other machines that is only said.
pub fn browser(root: &Path, target: &Path, required: bool) -> Result<Option<PathBuf>, Failed> {
    let folder = target.join("counterparts").join("browser");
    match npm_packages(&root.join(BROWSER), &folder) {
        Ok(()) => Ok(Some(folder)),
        Err(failed) if required => Err(failed),
        Err(failed) => {
            eprintln!("xtask: {failed}\nxtask: tests that need a browser are skipped, visibly");
            Ok(None)
        }
    }
}

fn npm_packages(from: &Path, folder: &Path) -> Result<(), Failed> {
    let tried = |path: &Path| format!("cannot copy {} to {}", path.display(), folder.display());
    let lock = from.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|cause| Failed::because(&tried(&lock), &cause))?;
    let mark = folder.join("installed");
    if fs::read(&mark).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|cause| Failed::because(&tried(&lock), &cause))?;
    for name in ["package.json", "package-lock.json"] {
        let path = from.join(name);
        fs::copy(&path, folder.join(name)).map_err(|cause| Failed::because(&tried(&path), &cause))?;
    }
    run::show(Command::new("npm").current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]))?;
    fs::write(&mark, wanted)
        .map_err(|cause| Failed::because(&format!("cannot write {}", mark.display()), &cause))
}

fn missing() -> Vec<&'static Package> {
    PACKAGES.iter().filter(|package| !is_there(package)).collect()
}

fn is_there(package: &Package) -> bool {
    let found = package
        .programs
        .iter()
        .all(|program| run::find(program).is_some());
    // Debian splits the interpreter from what makes an environment of its own.
    found
        && (package.name != "python3-venv"
            || run::read(Command::new("python3").args(["-c", "import ensurepip"])).is_ok())
}

fn is_root() -> Result<bool, Failed> {
    let id = run::read(Command::new("id").arg("-u"))?;
    Ok(id.trim_ascii() == b"0")
}

/// What Postfix is told before it is installed: no configuration, so it has nothing to start with.
const PRESEED: &str = "postfix postfix/main_mailer_type select No configuration";

/// The one command that installs what is missing.
fn advice(names: &[&str]) -> String {
    let names = names.join(" ");
    format!(
        "sudo sh -c 'apt-get update && echo \"{PRESEED}\" | debconf-set-selections && \
         DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {names}'"
    )
}

fn install(names: &[&str]) -> Result<(), Failed> {
    run::show(Command::new("apt-get").args(["update", "--quiet"]))?;
    let _quiet = NoDaemons::begin()?;
    run::show(Command::new("sh").args(["-c", &format!("echo '{PRESEED}' | debconf-set-selections")]))?;
    run::show(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(names),
    )?;
    let still: Vec<&str> = missing().iter().map(|package| package.name).collect();
    if still.is_empty() {
        Ok(())
    } else {
        Err(Failed::new(format!(
            "installed, but still missing: {}",
            still.join(" ")
        )))
    }
}

/// While this lives, Debian's own policy switch keeps freshly installed daemons from starting. A policy that is
/// already there belongs to somebody else and stays untouched.
struct NoDaemons {
    ours: Option<PathBuf>,
}

impl NoDaemons {
    fn begin() -> Result<Self, Failed> {
        let policy = PathBuf::from("/usr/sbin/policy-rc.d");
        if policy.exists() {
            return Ok(Self { ours: None });
        }
        let write = || {
            fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
            fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))
        };
        write()
            .map_err(|cause| Failed::because("cannot keep daemons from starting while installing", &cause))?;
        Ok(Self { ours: Some(policy) })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if let Some(policy) = &self.ours
            && let Err(cause) = fs::remove_file(policy)
        {
            eprintln!(
                "xtask: cannot remove {}: {cause}; please remove it",
                policy.display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_one_command_that_names_everything_missing() {
        let advice = advice(&["postfix", "swaks"]);
        assert!(
            !advice.contains('\n') && advice.ends_with("postfix swaks'"),
            "{advice}"
        );
        assert!(
            advice.contains("apt-get update") && advice.contains("No configuration"),
            "{advice}"
        );
    }

    #[test]
    fn every_package_has_a_reason() {
        for package in PACKAGES {
            assert!(
                package.reason.len() > 20 && !package.programs.is_empty(),
                "{package:?}"
            );
        }
        for wheel in PYTHON {
            assert!(wheel.reason.len() > 20 && wheel.pin.contains("=="), "{wheel:?}");
        }
    }
}
