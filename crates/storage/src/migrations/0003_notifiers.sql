-- Who is told of findings, and since when.
CREATE TABLE notifier (
    name TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    is_active BIGINT NOT NULL
);

-- What each was told of each finding, of its latest opening (`episode`) that was noticed.
CREATE TABLE announcement (
    notifier TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    episode BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    reopened BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    opened_at BIGINT,
    repeated_at BIGINT,
    resolved_at BIGINT,
    PRIMARY KEY (notifier, fingerprint)
);

-- Messages that wait or are dead.
CREATE TABLE message (
    number BIGINT PRIMARY KEY,
    notifier TEXT NOT NULL,
    message_group TEXT NOT NULL,
    severity TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT,
    died_at BIGINT,
    body TEXT NOT NULL
);
