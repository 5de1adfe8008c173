-- What every replica answers alike: numbers of changes, freshness, rounds, and counts of the past.

-- A revision is one commit of the leader; a follower reads the rows of later ones than it knows.
ALTER TABLE finding ADD COLUMN episode BIGINT NOT NULL DEFAULT 1;
ALTER TABLE finding ADD COLUMN looks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE finding ADD COLUMN rounds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE finding ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX finding_of_revision ON finding (revision, fingerprint);

-- Where the store is: one row, written with every commit of the leader.
CREATE TABLE finding_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL,
    -- Of the last entry; numbers are not used again, whatever is forgotten.
    number BIGINT NOT NULL,
    -- The leader, and since when: what was looked at before is not counted as looked at.
    fence BIGINT NOT NULL,
    led_at BIGINT NOT NULL,
    -- Grows with every silence that begins or ends, whoever wrote it.
    silences BIGINT NOT NULL,
    -- Up to this revision it is not known any more which findings were forgotten.
    forgotten_to BIGINT NOT NULL,
    -- Up to this number entries may be missing.
    trimmed_to BIGINT NOT NULL
);
INSERT INTO finding_state (id, revision, number, fence, led_at, silences, forgotten_to, trimmed_to)
    SELECT 1, 0, coalesce(max(number), 0), 0, 0, 0, 0, 0 FROM finding_event;

-- What happened, in the order of its numbers: the history of a finding or of an image, and what watchers resume from. It
-- outlives what it is about by `findings.changes_kept`.
CREATE TABLE finding_entry (
    number BIGINT PRIMARY KEY,
    about TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL
);
INSERT INTO finding_entry (number, about, happened_at, event)
    SELECT number, fingerprint, happened_at, event FROM finding_event;
DROP TABLE finding_event;
CREATE INDEX finding_entry_about ON finding_entry (about, number);

-- Findings that went, for followers.
CREATE TABLE finding_forgotten (
    fingerprint TEXT PRIMARY KEY,
    revision BIGINT NOT NULL
);
CREATE INDEX finding_forgotten_of_revision ON finding_forgotten (revision);

-- Every scope: its last look, and how fresh its source said it is.
CREATE TABLE finding_scope (
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    fence BIGINT NOT NULL,
    round BIGINT NOT NULL,
    looked_at BIGINT,
    freshness TEXT NOT NULL,
    detail TEXT NOT NULL,
    rounds BIGINT NOT NULL,
    looks TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (source, scope)
);
CREATE INDEX finding_scope_of_revision ON finding_scope (revision);
INSERT INTO finding_scope (source, scope, fence, round, looked_at, freshness, detail, rounds, looks, revision)
    SELECT source, scope, fence, round, looked_at, '{"state":"fresh"}', '{}', 0, '[]', 0 FROM finding_look;
DROP TABLE finding_look;

-- The last round of each source that ended.
CREATE TABLE finding_round (
    source TEXT PRIMARY KEY,
    fence BIGINT NOT NULL,
    round BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    complete BIGINT NOT NULL,
    suspect BIGINT NOT NULL,
    gaps TEXT NOT NULL,
    revision BIGINT NOT NULL
);

ALTER TABLE silence ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE silence ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE silence ADD COLUMN origin TEXT NOT NULL DEFAULT 'api';

-- Open findings at full hours. An hour that is not in the first table was not counted.
CREATE TABLE finding_hour (
    hour BIGINT PRIMARY KEY
);
CREATE TABLE finding_trend (
    hour BIGINT NOT NULL,
    source TEXT NOT NULL,
    severity TEXT NOT NULL,
    namespace TEXT NOT NULL,
    findings BIGINT NOT NULL,
    PRIMARY KEY (hour, source, severity, namespace)
);
