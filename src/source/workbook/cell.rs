//! A cell as text.

use calamine::{DataRef, ExcelDateTime};

/// Digits of a number that a workbook keeps; what follows was lost when it was
/// typed.
const DIGITS_KEPT: i32 = 15;

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// A cell whose text can't be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Why, as a lower-case fragment without the cell's name.
    pub(super) why: String,
    /// What the cell holds, as well as it can be written.
    pub(super) shown: String,
}

impl Doubt {
    fn new(why: impl Into<String>, shown: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            shown: shown.into(),
        }
    }
}

/// The text of a cell's value, which may be a formula's.
///
/// # Errors
/// Why it can't be trusted.
pub(super) fn text_of(value: &DataRef<'_>, is_formula: bool) -> Result<String, Doubt> {
    Ok(match value {
        DataRef::Empty if is_formula => {
            return Err(Doubt::new(
                "holds a formula without its result; open the file in a spreadsheet program and save it",
                "",
            ));
        }
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Int(number) if number.unsigned_abs() < 10_u64.pow(15) => number.to_string(),
        DataRef::Int(number) => return Err(lost_digits(number.to_string())),
        DataRef::Float(number) => return number_text(*number),
        DataRef::DateTime(moment) => return moment_text(moment),
        DataRef::Error(error) => {
            return Err(Doubt::new(
                format!("holds the error {error}"),
                error.to_string(),
            ));
        }
    })
}

fn lost_digits(number: String) -> Doubt {
    let why = format!(
        "holds the number {number}, and a workbook keeps {DIGITS_KEPT} digits of a number; \
         format the column as text and enter it again"
    );
    Doubt::new(why, number)
}

/// A number with the digits that the workbook shows: 0.1 + 0.2 is 0.3.
fn number_text(number: f64) -> Result<String, Doubt> {
    if !number.is_finite() {
        let why = "holds no number that can be written";
        return Err(Doubt::new(why, number.to_string()));
    }
    let digits = usize::try_from(DIGITS_KEPT - 1).unwrap_or_default();
    let rounded: f64 = format!("{number:.digits$e}").parse().unwrap_or(number);
    // Negative zero is zero.
    let text = (rounded + 0.0).to_string();
    if rounded.fract() == 0.0 && rounded.abs() >= 10_f64.powi(DIGITS_KEPT) {
        return Err(lost_digits(text));
    }
    Ok(text)
}

/// A date, a time of day, both, or a stretch of time, in the forms of ISO 8601.
fn moment_text(moment: &ExcelDateTime) -> Result<String, Doubt> {
    let serial = moment.as_f64();
    if !(0.0..2_958_466.0).contains(&serial) {
        let why = format!("holds {serial}, which is no date");
        return Err(Doubt::new(why, serial.to_string()));
    }
    if moment.is_duration() {
        let whole_ms = (serial * DAY_MS).round();
        let seconds = (whole_ms / 1_000.0).floor();
        let (hours, minutes) = ((seconds / 3_600.0).floor(), (seconds / 60.0).floor() % 60.0);
        let rest = fraction(whole_ms % 1_000.0);
        return Ok(format!(
            "{hours:02}:{minutes:02}:{:02}{rest}",
            seconds % 60.0
        ));
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let rest = fraction(f64::from(milli));
    let time = format!("{hour:02}:{minute:02}:{second:02}{rest}");
    let date = format!("{year:04}-{month:02}-{day:02}");
    // The first day of the calendar stands for a time without a date.
    if serial < 1.0 {
        return Ok(time);
    }
    Ok(match (hour, minute, second, milli) {
        (0, 0, 0, 0) => date,
        _ => format!("{date}T{time}"),
    })
}

fn fraction(milliseconds: f64) -> String {
    match milliseconds {
        0.0 => String::new(),
        milliseconds => format!(".{milliseconds:03}"),
    }
}

/// A column's name as the spreadsheet shows it: 0 is A, 26 is AA.
pub(super) fn column_name(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    loop {
        letters.push(char::from(
            b'A' + u8::try_from(rest % 26).unwrap_or_default(),
        ));
        if rest < 26 {
            break;
        }
        rest = rest / 26 - 1;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_have_no_noise_and_lost_digits_are_named() {
        let text = |number| number_text(number);
        assert_eq!(text(0.1 + 0.2), Ok("0.3".to_owned()));
        assert_eq!(text(491_511_234_567.0), Ok("491511234567".to_owned()));
        assert_eq!(text(-0.0), Ok("0".to_owned()));
        assert_eq!(text(1.5e-7), Ok("0.00000015".to_owned()));
        assert_eq!(
            text(999_999_999_999_999.0),
            Ok("999999999999999".to_owned())
        );
        let doubt = text(4.012_888_888_881_881e15).expect_err("too many digits");
        assert!(doubt.why.contains("15 digits"), "{doubt:?}");
        assert_eq!(doubt.shown, "4012888888881880");
        assert!(text(f64::NAN).is_err());
    }

    #[test]
    fn dates_times_and_durations_are_iso_texts() {
        let of = |value, kind| moment_text(&ExcelDateTime::new(value, kind, false));
        let moment = |value| of(value, ExcelDateTimeType::DateTime);
        assert_eq!(moment(45_943.0), Ok("2025-10-13".to_owned()));
        assert_eq!(moment(45_943.5), Ok("2025-10-13T12:00:00".to_owned()));
        assert_eq!(moment(45_943.541), Ok("2025-10-13T12:59:02.400".to_owned()));
        assert_eq!(moment(0.25), Ok("06:00:00".to_owned()));
        assert!(moment(-1.0).is_err());
        let span = |value| of(value, ExcelDateTimeType::TimeDelta);
        assert_eq!(span(1.5), Ok("36:00:00".to_owned()));
    }

    #[test]
    fn columns_are_named_as_the_spreadsheet_does() {
        let names = [0, 25, 26, 701, 702, 16_383].map(column_name);
        assert_eq!(names, ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }
}
