//! Dates and times from the source's spelling into the target's.
//!
//! Nothing is guessed: a time that the zone's clocks skip or show twice, a date
//! that two of the given forms read differently, and a year of two digits read
//! as one of four are refused.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::convert::Refused;
use super::problem::{nearest, quoted};
use super::rule::{DateRule, DateTarget, GapChoice};

/// The first year that is taken for one of four digits.
const FIRST_YEAR: i16 = 1000;
/// RFC 3339 with the zone's offset.
const LOCAL_FORM: &str = "%Y-%m-%dT%H:%M:%S%.f%:z";
/// What is read where the rule names no form.
const ISO_FORMS: [&str; 5] = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f",
];

/// Turns dates and times of one spelling into another.
#[derive(Debug)]
pub(super) struct DateConverter {
    forms: Vec<SourceForm>,
    is_iso: bool,
    zone: Option<Zone>,
    /// `None`: a date stays one, and a time becomes UTC.
    to: Option<DateTarget>,
    gap: Option<GapChoice>,
}

/// A form that cells are read in.
#[derive(Debug)]
struct SourceForm {
    spelling: String,
    /// The same with `Z` in the offset's place, which stands for UTC; in both
    /// letter cases. Empty where the form has no offset.
    of_utc: Vec<String>,
}

#[derive(Debug)]
struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    fn is_utc(&self) -> bool {
        self.rules.to_offset(Timestamp::UNIX_EPOCH) == Offset::UTC
            && self.rules.following(Timestamp::MIN).next().is_none()
    }
}

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Moment(Timestamp),
    Clock(DateTime),
    Day(Date),
}

impl DateConverter {
    /// # Errors
    /// What is wrong with the rule by itself.
    pub(super) fn new(rule: &DateRule) -> Result<Self, String> {
        let is_iso = rule.from.is_empty();
        let spellings: Vec<String> = match is_iso {
            true => ISO_FORMS.map(str::to_owned).into(),
            false => rule.from.clone(),
        };
        let forms = spellings.into_iter().map(SourceForm::new);
        let forms = forms.collect::<Result<Vec<_>, _>>()?;
        let zone = rule.zone.as_deref().map(find_zone).transpose()?;
        let converter = Self {
            forms,
            is_iso,
            zone,
            to: rule.to.clone(),
            gap: rule.gap,
        };
        converter.check_utc_mark()?;
        converter.check_target()?;
        Ok(converter)
    }

    /// A `Z` says UTC to whoever reads it. As a letter of the form it says
    /// nothing here, and the zone's clock would be taken for UTC's.
    fn check_utc_mark(&self) -> Result<(), String> {
        let Some(zone) = self.zone.as_ref().filter(|zone| !zone.is_utc()) else {
            return Ok(());
        };
        let marked = self.forms.iter().find(|form| ends_in_z(&form.spelling));
        if let Some(form) = marked {
            return Err(format!(
                "{:?} reads times in {}, though their Z says UTC; write %:z instead of Z",
                form.spelling, zone.name
            ));
        }
        match &self.to {
            Some(DateTarget::Format(form)) if ends_in_z(form) => Err(format!(
                "{form:?} writes times in {} with a Z, which says UTC; write `to: utc`, or %:z instead of Z",
                zone.name
            )),
            _ => Ok(()),
        }
    }

    fn check_target(&self) -> Result<(), String> {
        // Of forms in ISO 8601 each cell says for itself whether it has a zone.
        let forms = if self.is_iso { &[][..] } else { &self.forms };
        let tells_zone = |form: &SourceForm| tells_offset(&form.spelling);
        let needs_zone = match &self.to {
            None => forms
                .iter()
                .any(|form| tells_time(&form.spelling) && !tells_zone(form)),
            Some(DateTarget::Utc) => !forms.iter().all(tells_zone),
            Some(DateTarget::Local) => true,
            Some(DateTarget::Date) => forms.iter().any(tells_zone),
            Some(DateTarget::Format(form)) => tells_offset(form),
        };
        if needs_zone && self.zone.is_none() {
            let hint = match self.to {
                None => ", or `to: date` where the time doesn't matter",
                Some(_) => "",
            };
            return Err(format!(
                "`date` doesn't say which zone the times are in; write `zone: Europe/Berlin`, or `zone: UTC`{hint}"
            ));
        }
        if let Some(DateTarget::Format(form)) = &self.to {
            if directives(form).all(|letter| letter == '%') {
                return Err(format!(
                    "`to: {form}` would write these letters in place of each date; write `utc`, `local`, `date` or a form such as \"%Y-%m-%d\""
                ));
            }
            let sample = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
            write(&BrokenDownTime::from(&sample), form)
                .map_err(|cause| format!("{form:?} is no form of a date: {cause}"))?;
        }
        Ok(())
    }

    /// The date in the target's spelling.
    pub(super) fn convert(&self, text: &str) -> Result<String, Refused> {
        let told = self.read(text)?;
        match &self.to {
            None => match told {
                Told::Day(day) => Ok(day.to_string()),
                told => Ok(self.moment(text, told)?.to_string()),
            },
            Some(DateTarget::Utc) => Ok(self.moment(text, told)?.to_string()),
            Some(DateTarget::Local) => {
                let zoned = self.zoned(text, told)?;
                written(text, &BrokenDownTime::from(&zoned), LOCAL_FORM)
            }
            Some(DateTarget::Date) => match (told, &self.zone) {
                (Told::Day(day), _) => Ok(day.to_string()),
                (Told::Clock(clock), _) => Ok(clock.date().to_string()),
                (moment, _) => Ok(self.zoned(text, moment)?.date().to_string()),
            },
            Some(DateTarget::Format(form)) => match (told, &self.zone) {
                (Told::Day(day), _) if !tells_time(form) => {
                    written(text, &BrokenDownTime::from(day), form)
                }
                (Told::Day(day), None) => {
                    let clock = DateTime::from_parts(day, Time::midnight());
                    written(text, &BrokenDownTime::from(clock), form)
                }
                (Told::Clock(clock), None) => written(text, &BrokenDownTime::from(clock), form),
                (told, _) => written(text, &BrokenDownTime::from(&self.zoned(text, told)?), form),
            },
        }
    }

    fn read(&self, text: &str) -> Result<Told, Refused> {
        let mut told: Option<(Told, &str)> = None;
        for form in &self.forms {
            let Some(reading) = form.read(text) else {
                continue;
            };
            match told {
                Some((known, other)) if known != reading => {
                    return Err((
                        "ambiguous_date",
                        format!(
                            "{} is one date as {other:?} and another as {:?}",
                            quoted(text),
                            form.spelling
                        ),
                    ));
                }
                _ => told = Some((reading, &form.spelling)),
            }
        }
        let Some((told, _)) = told else {
            let forms = match self.is_iso {
                true => "2024-01-31 or 2024-01-31T10:00:00Z".to_owned(),
                false => {
                    let forms = self.forms.iter().map(|form| form.spelling.as_str());
                    forms.collect::<Vec<_>>().join(" or ")
                }
            };
            return Err((
                "not_a_date",
                format!("{} isn't a date such as {forms}", quoted(text)),
            ));
        };
        let year = match told {
            Told::Moment(moment) => moment.to_zoned(TimeZone::UTC).year(),
            Told::Clock(clock) => clock.year(),
            Told::Day(day) => day.year(),
        };
        if year < FIRST_YEAR {
            return Err((
                "not_a_date",
                format!(
                    "{} has the year {year}; `%y` reads years of two digits",
                    quoted(text)
                ),
            ));
        }
        Ok(told)
    }

    fn zoned(&self, text: &str, told: Told) -> Result<Zoned, Refused> {
        let moment = self.moment(text, told)?;
        match &self.zone {
            Some(zone) => Ok(moment.to_zoned(zone.rules.clone())),
            None => Err(no_zone(text)),
        }
    }

    /// The moment that a cell tells.
    fn moment(&self, text: &str, told: Told) -> Result<Timestamp, Refused> {
        let clock = match told {
            Told::Moment(moment) => return Ok(moment),
            Told::Clock(clock) => clock,
            Told::Day(day) => DateTime::from_parts(day, Time::midnight()),
        };
        let zone = self.zone.as_ref().ok_or_else(|| no_zone(text))?;
        let found = zone.rules.to_ambiguous_timestamp(clock);
        let (rule, what) = match (found.offset(), self.gap) {
            (AmbiguousOffset::Gap { .. }, None) => (
                "skipped_time",
                "doesn't exist in {zone}: the clocks went forward over it",
            ),
            (AmbiguousOffset::Fold { .. }, None) => (
                "repeated_time",
                "came twice in {zone}: the clocks went back over it",
            ),
            (_, choice) => {
                let moment = match choice {
                    Some(GapChoice::Earlier) => found.earlier(),
                    Some(GapChoice::Later) => found.later(),
                    None => found.unambiguous(),
                };
                return moment.map_err(|error| {
                    let cause = format!("{} can't be a moment: {error}", quoted(text));
                    ("not_a_date", cause)
                });
            }
        };
        Err((
            rule,
            format!(
                "{} {}; `gap: later` or `gap: earlier` chooses",
                quoted(text),
                what.replace("{zone}", &zone.name)
            ),
        ))
    }
}

fn no_zone(text: &str) -> Refused {
    (
        "no_zone",
        format!(
            "{} doesn't say which zone it is in; give the rule a `zone`",
            quoted(text)
        ),
    )
}

impl SourceForm {
    /// # Errors
    /// A form that no cell could be read in.
    fn new(spelling: String) -> Result<Self, String> {
        check_source_form(&spelling)?;
        let offset = ["%:z", "%z"]
            .into_iter()
            .find(|name| spelling.contains(name));
        let of_utc = offset.map(|offset| ["Z", "z"].map(|mark| spelling.replacen(offset, mark, 1)));
        Ok(Self {
            of_utc: of_utc.into_iter().flatten().collect(),
            spelling,
        })
    }

    /// What a cell says in this form; `None` where it isn't of the form.
    fn read(&self, text: &str) -> Option<Told> {
        let in_utc = |form: &String| match read(form, text)? {
            Told::Clock(clock) => Some(Told::Moment(
                clock.to_zoned(TimeZone::UTC).ok()?.timestamp(),
            )),
            other => Some(other),
        };
        read(&self.spelling, text).or_else(|| self.of_utc.iter().find_map(in_utc))
    }
}

/// What a cell says in one form; `None` where it isn't of the form.
fn read(form: &str, text: &str) -> Option<Told> {
    let parts = BrokenDownTime::parse(form, text).ok()?;
    if parts.offset().is_some() || parts.timestamp().is_some() {
        return parts.to_timestamp().ok().map(Told::Moment);
    }
    let day = parts.to_date().ok()?;
    match parts.hour() {
        Some(_) => {
            let time = parts.to_time().ok()?;
            Some(Told::Clock(DateTime::from_parts(day, time)))
        }
        None => Some(Told::Day(day)),
    }
}

/// Whether cells can be read in this form: it is tried on a date written in it.
fn check_source_form(form: &str) -> Result<(), String> {
    let Ok(sample) = DateTime::new(2024, 2, 29, 13, 45, 30, 0) else {
        return Ok(());
    };
    let sample = sample
        .to_zoned(TimeZone::UTC)
        .map_err(|error| error.to_string())?;
    let parts = BrokenDownTime::from(&sample);
    let text =
        write(&parts, form).map_err(|cause| format!("{form:?} is no form of a date: {cause}"))?;
    match read(form, &text) {
        Some(_) if !directives(form).any(|letter| letter == 'Q') => Ok(()),
        _ => Err(format!(
            "{form:?} doesn't tell a whole date; write it as \"%d.%m.%Y\" or \"%Y-%m-%d %H:%M\""
        )),
    }
}

fn write(parts: &BrokenDownTime, form: &str) -> Result<String, String> {
    parts.to_string(form).map_err(|error| error.to_string())
}

fn written(text: &str, parts: &BrokenDownTime, form: &str) -> Result<String, Refused> {
    write(parts, form).map_err(|cause| ("not_a_date", format!("{}: {cause}", quoted(text))))
}

/// The directives' letters of a form.
fn directives(form: &str) -> impl Iterator<Item = char> + '_ {
    let mut characters = form.chars();
    std::iter::from_fn(move || {
        characters.find(|character| *character == '%')?;
        characters.find(|character| character.is_alphabetic() || *character == '%')
    })
}

/// Whether a form ends in the letter `Z`, perhaps in quotes, which is no
/// directive's name.
fn ends_in_z(form: &str) -> bool {
    let form = form.trim_end_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\'' | '"')
    });
    let Some(before) = form.strip_suffix(['Z', 'z']) else {
        return false;
    };
    // What stands between a `%` and its letter: flags, a width, colons.
    let before = before.trim_end_matches(|character: char| {
        character.is_ascii_digit() || matches!(character, ':' | '.' | '-' | '_' | '^' | '#')
    });
    !before.ends_with('%') || before.ends_with("%%")
}

fn tells_time(form: &str) -> bool {
    directives(form).any(|letter| "HIklMSTRrXcsfNpPzQ".contains(letter))
}

fn tells_offset(form: &str) -> bool {
    directives(form).any(|letter| matches!(letter, 'z' | 'Q' | 's' | 'Z'))
}

fn find_zone(name: &str) -> Result<Zone, String> {
    let found = TimeZone::get(name);
    match found {
        Ok(rules) => Ok(Zone {
            name: name.to_owned(),
            rules,
        }),
        Err(_) => {
            let known: Vec<String> = jiff::tz::db()
                .available()
                .map(|zone| zone.to_string())
                .collect();
            let near = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write it as Europe/Berlin or America/New_York".to_owned(),
            };
            Err(format!("{name:?} is no time zone; {near}"))
        }
    }
}
