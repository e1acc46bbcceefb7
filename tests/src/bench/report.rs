//! The table: for a terminal, for a document, for a program.

use super::run::{Cell, Figures, Results, Row};

/// For a terminal.
pub(super) fn text(results: &Results) {
    let table = table(results);
    let width = |column: usize| {
        table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..table[0].len()).filter_map(width).collect();
    for row in &table {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    remarks(results);
}

/// For docs/performance.md.
pub(super) fn markdown(results: &Results) {
    for (index, row) in table(results).iter().enumerate() {
        println!("| {} |", row.join(" | "));
        if index == 0 {
            println!("|---|{}", "---:|".repeat(row.len() - 1));
        }
    }
    println!();
    remarks(results);
}

/// All figures.
pub(super) fn json(results: &Results) -> anyhow::Result<()> {
    let rows = results.rows.iter().flat_map(|row| {
        row.cells.iter().zip(&results.modules).map(|(cell, module)| {
            let mut value = serde_json::json!({
                "case": row.case, "threads": row.threads, "module": module,
            });
            match cell {
                Cell::Figures(figures) => {
                    value["p50_us"] = micros(figures.p50).into();
                    value["p99_us"] = micros(figures.p99).into();
                    value["per_second"] = figures.per_second.into();
                }
                Cell::NotOffered => value["error"] = "not offered".into(),
                Cell::Failed(reason) => value["error"] = reason.as_str().into(),
            }
            value
        })
    });
    let whole = serde_json::json!({
        "rounds": results.rounds, "millis": results.millis, "rows": rows.collect::<Vec<_>>(),
    });
    println!("{}", serde_json::to_string_pretty(&whole)?);
    Ok(())
}

fn remarks(results: &Results) {
    let Results { rounds, millis, .. } = results;
    println!("Times in µs; {rounds} rounds of {millis} ms for each case, thread count and module.");
    for row in &results.rows {
        for (cell, module) in row.cells.iter().zip(&results.modules) {
            let reason = match cell {
                Cell::Figures(_) => continue,
                Cell::NotOffered => format!("not offered by {module}"),
                Cell::Failed(reason) => format!("{reason} ({module})"),
            };
            println!("- {}, {}: {reason}", row.case, threads(row.threads));
        }
    }
}

/// The cells, with the heading.
fn table(results: &Results) -> Vec<Vec<String>> {
    let mut heading = vec!["case".to_owned(), "threads".to_owned()];
    for module in &results.modules {
        heading.extend([format!("{module} p50"), "p99".to_owned(), "ops/s".to_owned()]);
    }
    for module in &results.modules[1..] {
        heading.push(format!("{module}/Coffer"));
    }
    let mut table = vec![heading];
    table.extend(results.rows.iter().map(|row| line(row, &results.modules)));
    table
}

fn line(row: &Row, modules: &[String]) -> Vec<String> {
    let mut cells = vec![row.case.to_owned(), row.threads.to_string()];
    for (cell, module) in row.cells.iter().zip(modules) {
        match cell {
            Cell::Figures(figures) => cells.extend([
                number(micros(figures.p50)),
                number(micros(figures.p99)),
                if row.threads == 1 { String::new() } else { number(figures.per_second) },
            ]),
            Cell::NotOffered => {
                cells.extend([format!("not offered by {module}"), String::new(), String::new()]);
            }
            Cell::Failed(_) => cells.extend(["failed".to_owned(), String::new(), String::new()]),
        }
    }
    for other in &row.cells[1..] {
        cells.push(match (&row.cells[0], other) {
            (Cell::Figures(coffer), Cell::Figures(other)) => {
                format!("{:.2}", ratio(row.threads, coffer, other))
            }
            _ => "–".to_owned(),
        });
    }
    cells
}

/// How many times as fast Coffer is: by the median time of one thread, by the rate of many.
fn ratio(threads: u32, coffer: &Figures, other: &Figures) -> f64 {
    if threads == 1 {
        micros(other.p50) / micros(coffer.p50)
    } else {
        coffer.per_second / other.per_second
    }
}

fn threads(count: u32) -> String {
    if count == 1 { "1 thread".to_owned() } else { format!("{count} threads") }
}

#[expect(clippy::cast_precision_loss, reason = "a time of 2^53 ns is some 100 days")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// Three significant digits, thousands apart.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_groups() {
        let numbers = [0.305, 18.04, 574.4, 28_100.0, 1_234_567.0].map(number);
        assert_eq!(numbers, ["0.30", "18.0", "574", "28,100", "1,234,567"]);
    }

    #[test]
    fn a_ratio_above_one_says_that_coffer_is_faster() {
        let coffer = Figures { p50: 10, p99: 10, per_second: 200.0 };
        let other = Figures { p50: 30, p99: 10, per_second: 50.0 };
        assert!((ratio(1, &coffer, &other) - 3.0).abs() < 1e-9);
        assert!((ratio(8, &coffer, &other) - 4.0).abs() < 1e-9);
    }
}
