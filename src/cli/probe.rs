//! `sluice probe`: benchmarks the tenant's rate limit.

mod files;
mod progress;
mod questions;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{InputSource, Overrides, PartLayers, Settings, read_job};
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::limit::{FoundBy, LimitKey, LimitProfile};
use crate::probe::{
    self, Bounds, Context, Finding, ForecastLoad, Kind, Plan, Questions, Stop, TokenSource,
    json_report, text_report,
};
use crate::report::{counted, duration_words};
use crate::store::LimitProfiles;

use super::arguments::ProbeArguments;
use super::assemble::{is_job_file, of_profile, variables};
use super::bind::target_connector;
use super::credentials::{read_credentials, token_plan};
use super::discover::{Whose, discovered};
use super::known_limits::requests_of_load;
use super::{print, set_up};

/// A terminal that doesn't say how wide it is, and a log.
const USUAL_WIDTH: usize = 100;

/// `sluice probe`.
pub(super) fn probe(arguments: &ProbeArguments) -> Result<ExitStatus, FatalError> {
    let settings = settings_of(arguments)?;
    if arguments.write && !arguments.showing.yes {
        return Err(FatalError::usage(
            "`--write` changes records of the tenant to find its limit, and that isn't done without `--yes`",
        )
        .with_hint(
            "Add --yes if these rows may be written now, some of them again and again; without --write a probe only reads.",
        ));
    }
    let credentials = read_credentials(&settings)?;
    let settings = match arguments.write {
        true => set_up::settled(&settings, &credentials)?.0,
        false => Settings {
            variables: discovered(
                &target_connector(&settings)?,
                &settings.variables,
                &credentials,
                Whose::Target,
            )?,
            ..settings
        },
    };
    let (bound, questions, rows_there) = questions::prepare(&settings, arguments)?;
    let client = credentials.client_id.clone();
    let tokens = token_plan(&bound.auth, credentials);
    let bounds = Bounds {
        max_requests: arguments.max_requests.get(),
        max_duration: arguments.max_duration.duration(),
        max_in_flight: arguments.max_in_flight.get(),
    };
    let rows = arguments.rows.or(rows_there);
    let context = Context {
        tenant: bound.base_url.to_string(),
        endpoint: questions.endpoint(),
        started_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
        load: rows.map(|rows| ForecastLoad {
            rows,
            requests: requests_of_load(&bound, settings.pre_images, rows),
        }),
    };
    if !arguments.showing.quiet {
        announce(&context, &bounds, &questions);
    }
    let key = LimitKey {
        tenant: context.tenant.clone(),
        client,
        endpoint: context.endpoint.clone(),
    };
    let host = bound.base_url.authority();
    let progress = progress::Progress::new(&arguments.showing);
    let finding = probe::run(Plan {
        bound,
        questions,
        tokens: TokenSource {
            endpoint: tokens.endpoint,
            credentials: tokens.credentials,
            policy: tokens.policy,
        },
        bounds,
        on_progress: progress.callback(),
    })?;
    progress.finish();
    let written = files::write(
        &settings.run_dir,
        &host,
        arguments.report.as_deref(),
        &finding,
        &context,
    )?;
    keep(&settings, &key, &finding)?;
    show(arguments, &finding, &context, &written)?;
    status_of(&finding)
}

/// What a job file says, where it is about one target.
fn one_target(path: &Path) -> Result<Overrides, FatalError> {
    let job = read_job(path)?;
    let Some(layers) = PartLayers::of_job(&job, path) else {
        return Ok(Overrides::of_job(&job, path));
    };
    let several = || {
        FatalError::usage(format!(
            "{}: a probe is of one target, and the job has several parts",
            path.display()
        ))
        .with_hint("Name the connector with --to instead, and its variables with --set.")
    };
    let mut parts = layers.parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(only), None) => Ok(only.overrides),
        _ => Err(several()),
    }
}

/// The settings; an input is needed only for `--write`.
fn settings_of(arguments: &ProbeArguments) -> Result<Settings, FatalError> {
    let credentials = match &arguments.credentials {
        Some(path) => Some(crate::config::read_credentials_file(path)?),
        None => None,
    };
    let job_file = arguments.input.as_deref().filter(|path| is_job_file(path));
    let job = match job_file {
        Some(path) => Some(one_target(path)?),
        None => None,
    };
    let input = match (&arguments.input, job_file) {
        (Some(path), None) => Some(InputSource::of_path(path)),
        (Some(_), Some(_)) => None,
        // Nothing is read from it: a read needs no rows.
        (None, _) => Some(InputSource::StandardInput),
    };
    let flags = Overrides {
        input,
        connector: arguments.to.clone(),
        variables: variables(&arguments.set)?,
        operation: arguments.operation.clone(),
        credentials,
        run_dir: arguments.run_dir.clone(),
        ..Overrides::default()
    };
    let profile = match &arguments.profile {
        Some(name) => Some(of_profile(name)?),
        None => None,
    };
    let settings = Settings::settle(flags, job, profile)?;
    settings.check_input()?;
    Ok(settings)
}

/// Says what is about to be done, and what it may cost.
fn announce(context: &Context, bounds: &Bounds, questions: &Questions) {
    let changes = match questions {
        Questions::Read(_) => "They only read.".to_owned(),
        Questions::Writes { rows, .. } => format!(
            "They write {} of the input, in turn.",
            counted(rows.len() as u64, "row")
        ),
    };
    print::remark(&format!(
        "Probing the rate limit of {} at {}: at most {}, {} at once, for {} at most.\n\
         {changes} Finding a limit means touching it: for some minutes little of it is left to others, and\n\
         some of their requests may be refused. Ctrl-C ends it with what was found.",
        context.endpoint,
        context.tenant,
        counted(bounds.max_requests, "request"),
        bounds.max_in_flight,
        duration_words(bounds.max_duration),
    ));
}

/// Keeps the limit found for the loads to come, where it is sure.
fn keep(settings: &Settings, key: &LimitKey, finding: &Finding) -> Result<(), FatalError> {
    let verdict = &finding.verdict;
    let learned = verdict.limit.learned(verdict.retry_after.longest_s);
    let Some(limit) = learned.filter(|limit| limit.sure) else {
        return Ok(());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let profile = LimitProfile {
        key: key.clone(),
        found_at_epoch_s: now.map_or(0, |since| since.as_secs()),
        found_by: FoundBy::Probe,
        confidence: verdict.limit.confidence(),
        limit,
    };
    LimitProfiles::of(&settings.run_dir).keep(key, |_| profile)
}

fn show(
    arguments: &ProbeArguments,
    finding: &Finding,
    context: &Context,
    written: &files::Written,
) -> Result<(), FatalError> {
    let mut report = json_report(finding, context);
    report["report"] = written.page.display().to_string().into();
    print::report(arguments.showing.output, &report, || {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_none_or(|term| term == "dumb")
            || !std::io::stdout().is_terminal();
        let width = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let text = text_report(
            finding,
            context,
            width.unwrap_or(USUAL_WIDTH).clamp(60, 160),
            !is_plain,
        );
        format!("{text}Report: {}\n", written.page.display())
    })
}

/// How the command ends: what was found is worth 0, unless the bounds kept it
/// from being sure.
fn status_of(finding: &Finding) -> Result<ExitStatus, FatalError> {
    let is_sure = finding.verdict.limit.kind != Kind::NotSure;
    match &finding.stop {
        None => Ok(ExitStatus::Done),
        Some(Stop::Interrupted) => Ok(ExitStatus::Interrupted),
        Some(stop) if stop.is_budget() && is_sure => Ok(ExitStatus::Done),
        Some(stop) if stop.is_budget() => Ok(ExitStatus::WindowOver),
        Some(Stop::Impossible(error)) => Err(error.clone()),
        Some(Stop::Distress(what)) => Err(FatalError::new(
            FatalKind::Tenant,
            format!("the probe stopped, since the tenant shows distress: {what}"),
        )
        .with_hint(
            "Try again when the tenant is well; what was found until then is in the report.",
        )),
        Some(_) => Ok(ExitStatus::WindowOver),
    }
}
