//! `sluice demo`: a real load of a bundled, dirty CSV file into a simulated
//! tenant in this process. No account, no network.

use std::fs;
use std::path::PathBuf;

use loadtest::tenant::{Scenario, Tenant};

use crate::config::{
    CredentialSources, InputSource, LimitProfileUse, Overrides, SecretSource, Settings,
};
use crate::connector::builtin_names;
use crate::error::{ExitStatus, FatalError, FatalKind};
use crate::report::thousands;

use super::arguments::DemoArguments;
use super::assemble::{Assembled, ConfigFiles, Load};
use super::{print, run};

const CONTACTS: &[u8] = include_bytes!("../../fixtures/csv/contacts-dirty.csv");
const CONTACTS_FILE: &str = "demo-contacts.csv";

/// `sluice demo`. It shows what a load looks like, rejected rows and all, so
/// rejected rows are its success: it ends with 0 where `sluice run` would end
/// with 1, and says so.
pub(super) fn demo(arguments: &DemoArguments) -> Result<ExitStatus, FatalError> {
    let input = write_contacts(&arguments.run_dir)?;
    let (scenario, credentials) = scenario()?;
    let tenant = Tenant::start(scenario).map_err(|cause| {
        FatalError::new(
            FatalKind::Internal,
            format!("can't start the simulated tenant: {cause}"),
        )
    })?;
    let settings = Settings::settle(
        Overrides {
            input: Some(InputSource::File(input.clone())),
            connector: builtin_names().next().map(str::to_owned),
            variables: [("base_url".to_owned(), tenant.base_url())].into(),
            credentials: Some(credentials),
            run_dir: Some(arguments.run_dir.clone()),
            job: Some("demo".to_owned()),
            // The next demo's tenant is another one.
            limit_profile: Some(LimitProfileUse::Untouched),
            ..Overrides::default()
        },
        None,
        None,
    )?;
    if !arguments.showing.quiet {
        print::remark(&format!(
            "A simulated tenant listens at {}: 150 requests a second, bursts of 60, tokens that\n\
             live 8 s, some contacts that don't exist, some failures. The file {} is\n\
             dirty on purpose.\n",
            tenant.base_url(),
            input.display()
        ));
    }
    let status = run::load(
        Assembled {
            load: Load::Whole(Box::new(settings)),
            files: ConfigFiles::default(),
        },
        run::Circumstances {
            tenant: run::Tenant::GoesWithUs,
            ..run::Circumstances::default()
        },
        &arguments.showing,
    )?;
    if !arguments.showing.quiet {
        let books = tenant.counters();
        print::remark(&format!(
            "  the tenant's own books: {} writes applied, {} × 429, {} tokens\n",
            thousands(books.applied),
            thousands(books.throttled),
            thousands(books.tokens_minted),
        ));
        if status == ExitStatus::SomeRejected {
            print::remark(
                "  The rejected rows are meant to be here. `sluice run` would end with exit code 1\n  \
                 because of them; the demo, having shown them, ends with 0.",
            );
        }
    }
    Ok(match status {
        ExitStatus::SomeRejected => ExitStatus::Done,
        other => other,
    })
}

fn write_contacts(folder: &std::path::Path) -> Result<PathBuf, FatalError> {
    let path = folder.join(CONTACTS_FILE);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, CONTACTS))
        .map_err(|cause| FatalError::writing(&path.display().to_string(), &cause))?;
    Ok(path)
}

/// The demo's scenario, and the credentials that it knows.
fn scenario() -> Result<(Scenario, CredentialSources), FatalError> {
    let scenario = Scenario::named("demo").map_err(|error| {
        FatalError::new(
            FatalKind::Internal,
            format!("the bundled scenario is broken: {error}"),
        )
    })?;
    let client = scenario.clients.first().ok_or_else(|| {
        FatalError::new(FatalKind::Internal, "the bundled scenario has no client")
    })?;
    let credentials = CredentialSources {
        client_id: SecretSource::Value(client.id.clone().into()),
        client_secret: SecretSource::Value(client.secret.clone().into()),
        ..CredentialSources::default()
    };
    Ok((scenario, credentials))
}
