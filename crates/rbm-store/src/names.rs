//! Which names may become files and folders.

use crate::error::Error;

/// Leaves room for `-<hash12>` and a temporary's affixes within the 255 bytes a file name may have.
const LONGEST: usize = 200;

/// Checks the name of a sweep: letters, digits, `-`, `_`, `.`; no leading dot.
pub fn check_name(name: &str) -> Result<(), Error> {
    check(name, "", "allowed are letters, digits, `-`, `_` and `.`")
}

/// Checks the readable name of a cell: as [`check_name`], and `=`, `,`, `+` between its settings.
pub fn check_cell_name(name: &str) -> Result<(), Error> {
    check(name, "=,+", "allowed are letters, digits, `-`, `_`, `.`, `=`, `,` and `+`")
}

/// Checks a path relative to a cell or sweep folder, such as `samples/final.npy`, and that it is none of `reserved`.
pub(crate) fn check_file_name(name: &str, reserved: &[&str]) -> Result<(), Error> {
    for part in name.split('/') {
        check_cell_name(part).map_err(|error| match error {
            Error::Name { reason, .. } => Error::Name { name: name.to_owned(), reason },
            other => other,
        })?;
    }
    let first = name.split('/').next().unwrap_or(name);
    if reserved.contains(&first) {
        return Err(Error::Name { name: name.to_owned(), reason: "it is written in its own way only" });
    }
    Ok(())
}

fn check(name: &str, extra: &str, allowed: &'static str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('.') {
        "it begins with a dot"
    } else if name.len() > LONGEST {
        "it is longer than 200 characters"
    } else if !name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter) || extra.contains(letter))
    {
        allowed
    } else {
        return Ok(());
    };
    Err(Error::Name { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_results_folder() {
        for name in ["mnist", "MNIST-2.b_3", "a..b"] {
            check_name(name).expect("allowed");
        }
        let long = "a".repeat(201);
        for name in ["", ".", "..", ".hidden", "../x", "/etc", "a/b", "a\\b", "a b", "a\0", "é", "k=1", &long] {
            let error = check_name(name).expect_err("refused");
            assert!(error.is_user_mistake());
            assert!(error.to_string().starts_with("use "), "{error}");
        }
        check_cell_name("k=10,hidden=16,seed=2").expect("allowed");
        check_file_name("samples/final.npy", &[]).expect("allowed");
        for name in ["samples/../../x", "/x", "a//b", "x/", "lease", "checkpoints/x"] {
            check_file_name(name, &["lease", "checkpoints"]).expect_err("refused");
        }
    }
}
