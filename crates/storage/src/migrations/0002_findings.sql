-- What is found, its histories, and what was looked at. Times are seconds since 1970, JSON is TEXT.

-- Everything that is wrong or was lately. What a look that saw nothing new writes has columns of its own, the rest is one
-- document: rows are written and read whole, a hundred thousand at a start, and each column of a row costs as much as it.
CREATE TABLE finding (
    fingerprint TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    last_seen BIGINT NOT NULL,
    sightings BIGINT NOT NULL,
    figures TEXT NOT NULL,
    looks TEXT NOT NULL,
    -- A revision is one commit of the leader; a follower reads the rows of later ones than it knows.
    revision BIGINT NOT NULL
);
CREATE INDEX finding_of_revision ON finding (revision, fingerprint);

-- Findings that went, for followers.
CREATE TABLE finding_forgotten (
    fingerprint TEXT PRIMARY KEY,
    revision BIGINT NOT NULL
);
CREATE INDEX finding_forgotten_of_revision ON finding_forgotten (revision);

-- What happened, in the order of its numbers: the history of a finding or of an image, and what watchers resume from. It
-- outlives what it is about by `findings.changes_kept`.
CREATE TABLE finding_entry (
    number BIGINT PRIMARY KEY,
    about TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX finding_entry_about ON finding_entry (about, number);

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
    VALUES (1, 0, 0, 0, 0, 0, 0, 0);

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

CREATE TABLE silence (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    matches TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    origin TEXT NOT NULL,
    ended_at BIGINT
);

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
