//! `sluice man`: prints the manual page, with a section for each command.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::error::{ExitStatus, FatalError};

use super::arguments::Arguments;
use super::print;

/// `sluice man`.
pub(super) fn man() -> Result<ExitStatus, FatalError> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    let in_memory = "writing to memory doesn't fail";
    Man::new(command.clone())
        .render(&mut page)
        .expect(in_memory);
    for subcommand in command.get_subcommands() {
        let section = Man::new(subcommand.clone());
        section.render_synopsis_section(&mut page).expect(in_memory);
        section
            .render_description_section(&mut page)
            .expect(in_memory);
        section.render_options_section(&mut page).expect(in_memory);
    }
    print::result(&String::from_utf8_lossy(&page))?;
    Ok(ExitStatus::Done)
}
