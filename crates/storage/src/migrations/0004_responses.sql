-- What responses have done to the cluster and not taken back yet. Times are seconds since 1970, JSON is TEXT.
CREATE TABLE response_object (
    response TEXT NOT NULL,
    object TEXT NOT NULL,
    uid TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (response, object)
);

-- What is in force in an object for one app or namespace.
CREATE TABLE response_item (
    response TEXT NOT NULL,
    item TEXT NOT NULL,
    object TEXT NOT NULL,
    findings TEXT NOT NULL,
    since BIGINT NOT NULL,
    over_at BIGINT,
    stand TEXT NOT NULL,
    marked_at BIGINT,
    content TEXT NOT NULL,
    PRIMARY KEY (response, item)
);
