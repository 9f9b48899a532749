use super::*;
use crate::testing::{TENANT, folded, moment};

#[test]
fn an_organisation_has_its_last_name() {
    let events = [
        OrganisationEvent::Created {
            name: "Acme".to_owned(),
        },
        OrganisationEvent::Renamed {
            name: "Acme Ltd".to_owned(),
        },
    ];
    let row = folded::<Organisations, Organisation>(1, &events).expect("it was created");
    let id = OrganisationId(TENANT);
    assert_eq!(
        row,
        OrganisationRow {
            id,
            name: "Acme Ltd".to_owned(),
            created_at: moment(1)
        }
    );
}
