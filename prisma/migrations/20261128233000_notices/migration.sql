-- Machines that have refused to go for so long: also those whose stop was acknowledged, and that are still listed.
CREATE OR REPLACE FUNCTION "overdue_stops"(seconds integer) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT (SELECT count(*) FROM instance i WHERE i.state <> 'gone' AND i.state = 'stopping' AND i.stop_tries > 0
            AND i.stopping_at <= now() - make_interval(secs => seconds))
       + (SELECT count(*) FROM instance_sighting s WHERE s.kind = 'orphan'
            AND s.stop_asked_at <= now() - make_interval(secs => seconds))
$$;
CREATE INDEX "instance_unstoppable" ON "instance" ("stopping_at") WHERE "state" = 'stopping' AND "stop_tries" > 0;
CREATE INDEX "instance_sighting_stop_asked" ON "instance_sighting" ("stop_asked_at") WHERE "stop_asked_at" IS NOT NULL;
