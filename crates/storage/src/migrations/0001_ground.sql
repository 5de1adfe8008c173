-- Whoever writes as the leader holds the number of this one row.
CREATE TABLE fence (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL
);
INSERT INTO fence (id, number) VALUES (1, 0);

-- Written when a write has failed, to learn whether the next one would succeed.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    probed_at BIGINT NOT NULL
);
INSERT INTO probe (id, probed_at) VALUES (1, 0);
