//! Helpers of tests that are written in Python: their packages stand in `.tools/py`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use insights::private::{Tools, leashed};

/// A leashed command that runs Python with the packages that `tools/bootstrap.sh` fetched.
///
/// # Panics
/// If they were not fetched.
pub fn python() -> Command {
    with_packages("py", "aiosmtpd")
}

/// A leashed command that runs Python with the tools that hold the web API to its own document.
///
/// # Panics
/// If they were not fetched.
pub fn python_of_the_contract() -> Command {
    with_packages("contract", "schemathesis")
}

fn with_packages(folder: &str, package: &str) -> Command {
    let packages = Tools::fetched().join(folder);
    assert!(
        packages.join(package).is_dir(),
        "no {}: run `tools/bootstrap.sh tests` (`./x test` does)",
        packages.display()
    );
    let program = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = leashed(program);
    command.env("PYTHONPATH", packages).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The text of a file, or nothing as long as it is not there.
pub(crate) fn text_if_there(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}
