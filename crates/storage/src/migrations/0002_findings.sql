-- Everything that is wrong. Times are seconds since 1970, JSON is TEXT.
CREATE TABLE finding (
    fingerprint TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    action TEXT,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    subject TEXT NOT NULL,
    belongs TEXT NOT NULL,
    facts TEXT NOT NULL,
    figures TEXT NOT NULL,
    exemption TEXT,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    sightings BIGINT NOT NULL,
    reopened BIGINT NOT NULL,
    resolved_at BIGINT,
    resolved_reason TEXT,
    silence TEXT
);

-- What happened, in the order of its numbers: the history of a finding, and what watchers resume from.
CREATE TABLE finding_event (
    number BIGINT PRIMARY KEY,
    fingerprint TEXT NOT NULL REFERENCES finding (fingerprint) ON DELETE CASCADE,
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX finding_event_of ON finding_event (fingerprint, number);

-- The last look at each scope.
CREATE TABLE finding_look (
    source TEXT NOT NULL,
    scope TEXT NOT NULL,
    fence BIGINT NOT NULL,
    round BIGINT NOT NULL,
    looked_at BIGINT NOT NULL,
    PRIMARY KEY (source, scope)
);

CREATE TABLE silence (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    matches TEXT NOT NULL,
    ended_at BIGINT
);
