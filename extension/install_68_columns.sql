/*
 * install_68_columns.sql
 *		What the columns of the public views mean, where their view's own part
 *		does not say it: allowed values, units, what NULL stands for.
 */

COMMENT ON COLUMN casus.protocol.name IS 'Unique, with its version.';
COMMENT ON COLUMN casus.protocol.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.protocol.source IS 'Where the text of the protocol was published, as the document says it.';
COMMENT ON COLUMN casus.protocol.loaded_at IS 'When casus.load_protocol or casus.install_protocol loaded it.';
COMMENT ON COLUMN casus.protocol.definition IS 'The document, as contrib/protocols/README.md describes it.';

COMMENT ON COLUMN casus.phase.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.phase.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.phase.name IS 'As casus.advance takes it.';
COMMENT ON COLUMN casus.phase.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.phase.is_initial IS 'A dossier begins here.';
COMMENT ON COLUMN casus.phase.is_terminal IS 'A dossier ends here: the stages of retention run (casus.stage).';
COMMENT ON COLUMN casus.phase.is_closing IS 'The terminal phase that casus.close_dossier leads to.';
COMMENT ON COLUMN casus.phase.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.stage.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.stage.phase IS 'The terminal phase that it is a stage of.';
COMMENT ON COLUMN casus.stage.ordinal IS 'Order within the phase, from 1.';
COMMENT ON COLUMN casus.stage.name IS 'Unique in the protocol.';
COMMENT ON COLUMN casus.stage.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.stage.until IS 'How long it lasts, from the day of the deciding gate (casus.dossier.clock); casus.due_on(until, date) gives the day. After the last stage nobody reads.';
COMMENT ON COLUMN casus.stage.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.purpose.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.purpose.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.purpose.name IS 'As casus.enter takes it.';
COMMENT ON COLUMN casus.purpose.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.purpose.phases IS 'Dossiers in these phases it is for.';
COMMENT ON COLUMN casus.purpose.is_standing IS 'May be the standing purpose of an appointment: reading without casus.enter.';
COMMENT ON COLUMN casus.purpose.is_session IS 'casus.enter may last for a session.';
COMMENT ON COLUMN casus.purpose.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.office.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.office.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.office.name IS 'As casus.appoint takes it.';
COMMENT ON COLUMN casus.office.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.office.level IS 'What it is held of: file (the whole file), party (one of its parties) or dossier (one dossier).';
COMMENT ON COLUMN casus.office.appointed_by IS 'Who appoints: names of offices, or casus_admin.';
COMMENT ON COLUMN casus.office.excludes IS 'Offices that the same person may not hold as well.';
COMMENT ON COLUMN casus.office.needs_oath IS 'The date of the ambtseed, or of a VOG, must be known.';
COMMENT ON COLUMN casus.office.article IS 'Article of the protocol document.';
COMMENT ON COLUMN casus.office.reviews IS 'Judges break-glass afterwards, and is told of it and of inspections.';
COMMENT ON COLUMN casus.office.inspects IS 'Purpose for which it may look at content by casus.inspect; NULL: it may not.';
COMMENT ON COLUMN casus.office.needs_party IS 'Held for a party that takes part in the dossier.';
COMMENT ON COLUMN casus.overseen_file.file IS 'Name of the file.';
COMMENT ON COLUMN casus.office.oversees IS 'Sees what the access log has of its file, and records controls of it.';

COMMENT ON COLUMN casus.subject_category.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.subject_category.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.subject_category.name IS 'As casus.protect takes it (subject_category).';
COMMENT ON COLUMN casus.subject_category.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.subject_category.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.category.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.category.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.category.name IS 'As casus.protect takes it (category, columns).';
COMMENT ON COLUMN casus.category.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.category.subjects IS 'Categories of data subjects about whom it may be kept (casus.subject_category); geen: data about no person.';
COMMENT ON COLUMN casus.category.is_for_any IS 'About anybody or nobody: subjects then lists them all, without geen.';
COMMENT ON COLUMN casus.category.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.gate.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.gate.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.gate.name IS 'As casus.decide takes it.';
COMMENT ON COLUMN casus.gate.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.gate.phases IS 'Phases in which it is decided.';
COMMENT ON COLUMN casus.gate.decided_by IS 'Office that decides, or that records what the meeting decided.';
COMMENT ON COLUMN casus.gate.meeting IS 'Name of the meeting that decides; NULL: the office itself does.';
COMMENT ON COLUMN casus.gate.present_min IS 'Number of involved parties that must be represented in the meeting, by at least as many persons; 0: none.';
COMMENT ON COLUMN casus.gate.outcomes IS 'What casus.decide may take as outcome.';
COMMENT ON COLUMN casus.gate.details IS 'What the details of casus.decide must hold, key by key: an array of checks, as contrib/protocols/README.md describes them. A key that is not here is refused.';
COMMENT ON COLUMN casus.gate.after IS 'Gates that must have been decided before, all of them; empty: none.';
COMMENT ON COLUMN casus.gate.after_outcomes IS 'One of these the newest decision of each gate in after must have had; empty: any.';
COMMENT ON COLUMN casus.gate.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.transition.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.transition.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.transition.from_phase IS 'Where the dossier is.';
COMMENT ON COLUMN casus.transition.to_phase IS 'Where casus.advance brings it.';
COMMENT ON COLUMN casus.transition.gate IS 'The gate that must have been decided.';
COMMENT ON COLUMN casus.transition.outcomes IS 'One of these must be the outcome of its newest decision.';
COMMENT ON COLUMN casus.transition.offices IS 'Offices that may carry it out.';
COMMENT ON COLUMN casus.transition.article IS 'Article of the protocol document.';

COMMENT ON COLUMN casus.rule.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.rule.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.rule.phase IS 'For dossiers in this phase.';
COMMENT ON COLUMN casus.rule.stage IS 'For dossiers of a terminal phase in this stage of retention; NULL: the rule is of the phase.';
COMMENT ON COLUMN casus.rule.office IS 'For who acts in this office ...';
COMMENT ON COLUMN casus.rule.purpose IS '... and has entered for this purpose.';
COMMENT ON COLUMN casus.rule.categories IS 'Categories of data that it reaches.';
COMMENT ON COLUMN casus.rule.scope IS 'all: every row; own: items of the own party; shared: items that were shared with it.';
COMMENT ON COLUMN casus.rule.participants IS 'Only in dossiers in which one takes part.';
COMMENT ON COLUMN casus.rule.may IS 'What it grants: read; supply (bring in), correct (change), remove (delete).';
COMMENT ON COLUMN casus.rule.article IS 'Article of the protocol document.';
COMMENT ON COLUMN casus.rule.after IS 'Gates that must have been decided in the dossier first, all of them; empty: none.';
COMMENT ON COLUMN casus.rule.after_outcomes IS 'One of these the newest decision of each gate in after must have had; empty: any.';

COMMENT ON COLUMN casus.list_value.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.list_value.list IS 'Name of the closed list.';
COMMENT ON COLUMN casus.list_value.ordinal IS 'Place in the protocol document: for order only.';
COMMENT ON COLUMN casus.list_value.part IS 'Heading within the list; empty: none.';
COMMENT ON COLUMN casus.list_value.value IS 'What a detail of casus.decide holds.';
COMMENT ON COLUMN casus.list_value.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.list_value.controller IS 'Who is responsible when this power is used; NULL: whose file it is.';
COMMENT ON COLUMN casus.list_value.article IS 'Article of the protocol document.';
COMMENT ON COLUMN casus.list_value.parameter IS 'Parameter of the file without which the value is not chosen; NULL: none.';

COMMENT ON COLUMN casus.context.file IS 'Name of the file.';
COMMENT ON COLUMN casus.context.purpose IS 'Entered for (casus.purpose).';
COMMENT ON COLUMN casus.context.office IS 'The office in which the caller acts (casus.office).';
COMMENT ON COLUMN casus.context.party IS 'The party for which he acts; NULL: an office of none.';
COMMENT ON COLUMN casus.context.dossier IS 'The one dossier entered; NULL: all dossiers of the file in which the office may act.';
COMMENT ON COLUMN casus.context.person IS 'Name of the person who acts.';
COMMENT ON COLUMN casus.context.source IS 'enter.';
COMMENT ON COLUMN casus.context.lasts IS 'transaction or session.';
COMMENT ON COLUMN casus.context.actor IS 'The database role on which the person is known.';
COMMENT ON COLUMN casus.context.actor_kind IS 'login, set_role (by SET ROLE) or token.';

COMMENT ON COLUMN casus.file.name IS 'Unique.';
COMMENT ON COLUMN casus.file.protocol IS 'Name of the protocol, with its version.';
COMMENT ON COLUMN casus.file.controllers IS 'The controllers, in words.';
COMMENT ON COLUMN casus.file.parameters IS 'Parameters of the protocol that were set (casus.set_parameter), by name.';
COMMENT ON COLUMN casus.file.second_person IS 'Whether somebody else confirms acts that widen access: none in this version.';
COMMENT ON COLUMN casus.file.opened_at IS 'When casus.open_file made it.';
COMMENT ON COLUMN casus.file.activated_at IS 'When casus.activate_protocol started it; NULL: nothing opens yet and nobody enters.';

COMMENT ON COLUMN casus.party.file IS 'Name of the file.';
COMMENT ON COLUMN casus.party.name IS 'As casus.involve, casus.share and casus.appoint take it.';
COMMENT ON COLUMN casus.party.title IS 'What it is called in words, for people.';
COMMENT ON COLUMN casus.party.kind IS 'What it is, as casus.add_party or the protocols list of parties says.';
COMMENT ON COLUMN casus.party.starts IS 'Begin of its membership.';
COMMENT ON COLUMN casus.party.ends IS 'End of its membership; NULL: none is set.';

COMMENT ON COLUMN casus.person.name IS 'Unique.';
COMMENT ON COLUMN casus.person.role_name IS 'Database role; NULL: not bound (casus.bind_person).';
COMMENT ON COLUMN casus.person.oath_on IS 'Day of the ambtseed; NULL: not known.';
COMMENT ON COLUMN casus.person.vog_on IS 'Day of the VOG (certificate of conduct); NULL: not known.';
COMMENT ON COLUMN casus.person.added_at IS 'When casus.add_person added the person.';
COMMENT ON COLUMN casus.person.is_bound IS 'The role is there, under this name and with the oid that it had when it was bound.';

COMMENT ON COLUMN casus.appointment.id IS 'As casus.end_appointment and casus.deputise take it.';
COMMENT ON COLUMN casus.appointment.person IS 'Name of the person.';
COMMENT ON COLUMN casus.appointment.file IS 'Name of the file.';
COMMENT ON COLUMN casus.appointment.office IS 'The office (casus.office).';
COMMENT ON COLUMN casus.appointment.party IS 'Held of this party; NULL: of none.';
COMMENT ON COLUMN casus.appointment.dossier IS 'Held in this dossier alone; NULL: not bound to one.';
COMMENT ON COLUMN casus.appointment.starts IS 'From when it holds.';
COMMENT ON COLUMN casus.appointment.ends IS 'Until when it holds; NULL: no end is set.';
COMMENT ON COLUMN casus.appointment.deputy_for IS 'The appointment that this one deputises for; NULL: no deputy.';
COMMENT ON COLUMN casus.appointment.standing_purpose IS 'Purpose for which it reads without casus.enter; NULL: none.';
COMMENT ON COLUMN casus.appointment.may_session IS 'casus.enter may last for a session.';
COMMENT ON COLUMN casus.appointment.reason IS 'Why, as given to casus.appoint.';
COMMENT ON COLUMN casus.appointment.holds_now IS 'Now lies between starts and ends. Whether the protocol lets him act is for casus.my_purposes and casus.explain_access to say.';

COMMENT ON COLUMN casus.dossier.id IS 'Number of the dossier, as all calls take it.';
COMMENT ON COLUMN casus.dossier.file IS 'Name of the file.';
COMMENT ON COLUMN casus.dossier.phase IS 'The phase that it is in (casus.phase).';
COMMENT ON COLUMN casus.dossier.phase_since IS 'When it came into that phase.';
COMMENT ON COLUMN casus.dossier.clock IS 'Day from which the stages of retention run (casus.stage): of the first decision of the gate that ends it, or of its closing. NULL: it has not ended.';
COMMENT ON COLUMN casus.dossier.opened_at IS 'When it was opened; of one that was taken in, what casus.take_in was told (opened), else when that was.';
COMMENT ON COLUMN casus.dossier.closed_at IS 'When it came into a terminal phase; NULL: open.';
COMMENT ON COLUMN casus.dossier.is_taken_in IS 'It was there before casus (casus.take_in).';

COMMENT ON COLUMN casus.participant.dossier IS 'Number of the dossier.';
COMMENT ON COLUMN casus.participant.party IS 'Takes part with all its delegates, or the party of the person; NULL: none.';
COMMENT ON COLUMN casus.participant.person IS 'Takes part in person; NULL: the party does.';
COMMENT ON COLUMN casus.participant.office IS 'In this office (casus.office).';
COMMENT ON COLUMN casus.participant.starts IS 'From when.';
COMMENT ON COLUMN casus.participant.ends IS 'Until when; NULL: no end is set.';

COMMENT ON COLUMN casus.sharing.dossier IS 'Number of the dossier.';
COMMENT ON COLUMN casus.sharing.item IS 'What is shared (casus.item_of); NULL: the whole dossier.';
COMMENT ON COLUMN casus.sharing.party IS 'With this party.';
COMMENT ON COLUMN casus.sharing.starts IS 'From when.';
COMMENT ON COLUMN casus.sharing.ends IS 'Until when; NULL: no end is set.';
COMMENT ON COLUMN casus.sharing.act IS 'The act that shared it (casus.act_log.id).';

COMMENT ON COLUMN casus.act_log.id IS 'Number of the act, as what casus.decide and the like return.';
COMMENT ON COLUMN casus.act_log.at IS 'When it was done.';
COMMENT ON COLUMN casus.act_log.kind IS 'Which act: the name of the call, such as decide, advance, involve, appoint, break_glass, activate_protocol.';
COMMENT ON COLUMN casus.act_log.state IS 'effective; pending is not used in this version.';
COMMENT ON COLUMN casus.act_log.file IS 'Name of the file; NULL: about none.';
COMMENT ON COLUMN casus.act_log.dossier IS 'Number of the dossier; NULL: about none.';
COMMENT ON COLUMN casus.act_log.person IS 'Who; NULL: a role that is no persons, as a casus_admin may be.';
COMMENT ON COLUMN casus.act_log.role_name IS 'Database role that did it, under the name that it had then.';
COMMENT ON COLUMN casus.act_log.actor_kind IS 'On what the role was known: l login, r SET ROLE, t token.';
COMMENT ON COLUMN casus.act_log.office IS 'Office in which it was done; NULL: in none, as a casus_admin or casus_auditor.';
COMMENT ON COLUMN casus.act_log.party IS 'Party of that office; NULL: none.';
COMMENT ON COLUMN casus.act_log.purpose IS 'Purpose for which it was done; NULL: none was entered.';
COMMENT ON COLUMN casus.act_log.controller IS 'Who is responsible, where the power used says so (casus.list_value.controller); NULL: whose file it is.';
COMMENT ON COLUMN casus.act_log.motivation IS 'Reason or motivation as given: content, NULL to who may not read the dossier now.';
COMMENT ON COLUMN casus.act_log.details IS 'What came with it, by key: content, NULL to who may not read the dossier now.';

COMMENT ON COLUMN casus.decision.act IS 'The act (casus.act_log.id), as casus.revoke_decision takes it.';
COMMENT ON COLUMN casus.decision.dossier IS 'Number of the dossier.';
COMMENT ON COLUMN casus.decision.gate IS 'The gate that was decided (casus.gate).';
COMMENT ON COLUMN casus.decision.outcome IS 'One of the gates outcomes.';
COMMENT ON COLUMN casus.decision.phase IS 'Phase in which the dossier was.';
COMMENT ON COLUMN casus.decision.decided_on IS 'Day of the decision, as casus.decide was told; terms run from it.';
COMMENT ON COLUMN casus.decision.person IS 'Who decided, or recorded what a meeting decided; NULL: a role that is no persons.';
COMMENT ON COLUMN casus.decision.office IS 'Office in which it was decided.';
COMMENT ON COLUMN casus.decision.revoked_by IS 'The act that took it back (casus.revoke_decision); NULL: it stands.';
COMMENT ON COLUMN casus.decision.motivation IS 'As given: content, NULL to who may not read the dossier now.';
COMMENT ON COLUMN casus.decision.details IS 'What casus.decide was given, by key (casus.gate.details): content, NULL to who may not read the dossier now.';

COMMENT ON COLUMN casus.opening.act IS 'The act (casus.act_log.id), as casus.end_opening and casus.review_break_glass take it.';
COMMENT ON COLUMN casus.opening.kind IS 'break_glass or inspect.';
COMMENT ON COLUMN casus.opening.file IS 'Name of the file.';
COMMENT ON COLUMN casus.opening.dossier IS 'The dossier that was opened.';
COMMENT ON COLUMN casus.opening.person IS 'Who opened it; NULL: a role that is no persons.';
COMMENT ON COLUMN casus.opening.role_name IS 'Database role to which it was opened, in every session.';
COMMENT ON COLUMN casus.opening.as_admin IS 'By a casus_admin or superuser, not in an office.';
COMMENT ON COLUMN casus.opening.office IS 'Office in which it was opened; NULL: as_admin.';
COMMENT ON COLUMN casus.opening.purpose IS 'Purpose of an inspection (casus.office.inspects); NULL: break-glass.';
COMMENT ON COLUMN casus.opening.starts IS 'From when.';
COMMENT ON COLUMN casus.opening.ends IS 'Until when: as asked, or sooner by casus.end_opening, casus.leave or a review.';
COMMENT ON COLUMN casus.opening.is_open IS 'Now lies between starts and ends.';
COMMENT ON COLUMN casus.opening.reason IS 'As given.';
COMMENT ON COLUMN casus.opening.is_reviewed IS 'Break-glass: somebody has judged it. NULL: an inspection, which asks for no review.';
COMMENT ON COLUMN casus.opening.outcome IS 'justified or not_justified; NULL: not judged.';
COMMENT ON COLUMN casus.opening.reviewed_at IS 'When it was judged.';
COMMENT ON COLUMN casus.opening.reviewed_by IS 'Person who judged it.';
COMMENT ON COLUMN casus.opening.review IS 'Motivation of that judgement.';

COMMENT ON COLUMN casus.control.act IS 'The act (casus.act_log.id).';
COMMENT ON COLUMN casus.control.at IS 'When it was recorded.';
COMMENT ON COLUMN casus.control.person IS 'Who looked; NULL: a role that is no persons.';
COMMENT ON COLUMN casus.control.role_name IS 'Database role that recorded it.';
COMMENT ON COLUMN casus.control.since IS 'Begin of the period looked at.';
COMMENT ON COLUMN casus.control.until IS 'End of that period, itself not in it.';
COMMENT ON COLUMN casus.control.records IS 'How many records of this database the log had in the period.';
COMMENT ON COLUMN casus.control.sample IS 'Numbers of the records looked at (casus.access_log.seq).';
COMMENT ON COLUMN casus.control.outcome IS 'no_findings or findings.';
COMMENT ON COLUMN casus.control.motivation IS 'As given.';
COMMENT ON COLUMN casus.control.nodes IS 'Node of each record of sample, in that order (casus.access_log.node); NULL: all of this servers log.';

COMMENT ON COLUMN casus.access_log.at IS 'When it was written, by the clock of that node. What came first within a node says seq.';
COMMENT ON COLUMN casus.access_log.relation IS 'Table that was read or written, or of which that was refused, with its schema: as casus protects it, so the whole of a partition and the table below a view. NULL: the record is about none.';
COMMENT ON COLUMN casus.access_log.person IS 'Name of the person whose role it was; NULL: the role is nobodys.';
COMMENT ON COLUMN casus.access_log.role IS 'Database role that acted: the login, or the one taken by SET ROLE, under the name that it had then.';
COMMENT ON COLUMN casus.access_log.login IS 'Who connected. Another than session_role: a superuser who went on as that login by SET SESSION AUTHORIZATION, so that person and role are not who it was.';
COMMENT ON COLUMN casus.access_log.session_role IS 'session_user: the login of the session, where role was taken by SET ROLE.';
COMMENT ON COLUMN casus.control.file IS 'Of what the log has of this file; NULL: of all of it.';
COMMENT ON COLUMN casus.access_log.file IS 'Name of the file of the dossier, or for which it was done, or to which alone the table belongs, else of the capacity; NULL: about none.';
COMMENT ON COLUMN casus.access_log.office IS 'Office in which was read or acted; NULL: in none, as under a break-glass of a casus_admin.';
COMMENT ON COLUMN casus.access_log.party IS 'Party of that office; NULL: none.';
COMMENT ON COLUMN casus.access_log.purpose IS 'Purpose for which was read or acted (casus.purpose); NULL: none, as in a refusal for want of one.';
COMMENT ON COLUMN casus.access_log.phase IS 'Phase of the dossier, where the record is about dossiers in one.';
COMMENT ON COLUMN casus.access_log.client IS 'Numeric address of the client; NULL: a socket of the machine itself.';
COMMENT ON COLUMN casus.access_log.pid IS 'Process of the server; numbers come back, session does not.';
COMMENT ON COLUMN casus.access_log.session IS 'The same for all that one session did: the time at which it began and its process, in hexadecimal.';

COMMENT ON COLUMN casus.ldv.trace_id IS '32 hexadecimal digits: the trace of casus.traceparent, else one made from node and seq.';
COMMENT ON COLUMN casus.ldv.span_id IS '16 hexadecimal digits, always the same for the same line; casus.ldv_actor has it too.';
COMMENT ON COLUMN casus.ldv.status IS 'Ok; Unset for a write or a refusal, of which the log does not say how it ended; Error for an act that was undone.';
COMMENT ON COLUMN casus.ldv.name IS 'Kind, verb, relation and code of casus.access_log, as far as there are any.';
COMMENT ON COLUMN casus.ldv.start_time IS 'Milliseconds since 1970 (UTC).';
COMMENT ON COLUMN casus.ldv.end_time IS 'As start_time: the log knows one time.';
COMMENT ON COLUMN casus.ldv.parent_span_id IS 'span_id of the line that this one is under, or the clients of casus.traceparent; NULL: none.';
COMMENT ON COLUMN casus.ldv.attributes IS 'dpl.core.* as the standard names them, and casus.*: kind, code, phase, source, rows.';
COMMENT ON COLUMN casus.ldv.resource IS 'Which service, node and database.';

COMMENT ON COLUMN casus.ldv_actor.trace_id IS 'As in casus.ldv.';
COMMENT ON COLUMN casus.ldv_actor.span_id IS 'As in casus.ldv: what ties the two.';
COMMENT ON COLUMN casus.ldv_actor.person IS 'As casus.access_log.person.';
COMMENT ON COLUMN casus.ldv_actor.role IS 'As casus.access_log.role.';
COMMENT ON COLUMN casus.ldv_actor.actor_kind IS 'As casus.access_log.actor_kind.';
COMMENT ON COLUMN casus.ldv_actor.session_role IS 'As casus.access_log.session_role.';
COMMENT ON COLUMN casus.ldv_actor.file IS 'As casus.access_log.file.';
COMMENT ON COLUMN casus.ldv_actor.office IS 'As casus.access_log.office.';
COMMENT ON COLUMN casus.ldv_actor.party IS 'As casus.access_log.party.';
COMMENT ON COLUMN casus.ldv_actor.purpose IS 'As casus.access_log.purpose.';
COMMENT ON COLUMN casus.ldv_actor.application IS 'As casus.access_log.application.';
COMMENT ON COLUMN casus.ldv_actor.client IS 'As casus.access_log.client.';
COMMENT ON COLUMN casus.ldv_actor.node IS 'As casus.access_log.node.';
COMMENT ON COLUMN casus.ldv_actor.seq IS 'As casus.access_log.seq.';
COMMENT ON COLUMN casus.ldv_actor.session IS 'As casus.access_log.session.';

COMMENT ON COLUMN casus.log_chain.first_segment IS 'First segment (file) that is here; NULL: none.';
COMMENT ON COLUMN casus.log_chain.last_segment IS 'Last segment (file) that is here; NULL: none.';
COMMENT ON COLUMN casus.log_chain.last_seq IS 'Number of the last record that is here (casus.access_log.seq); NULL: not known.';
COMMENT ON COLUMN casus.log_chain.last_at IS 'When that record was written.';
COMMENT ON COLUMN casus.log_chain.finding IS 'What is wrong; NULL: nothing.';
