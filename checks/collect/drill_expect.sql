-- Asked on the source before anything is restored: the newest moment the archive already covers, and what was true then.
-- The target is a transaction: the newest canary row whose WAL segment has been archived, after the newest backup.
SET statement_timeout = '30s';
WITH archived AS (
  SELECT (SELECT modification - interval '1 second' FROM pg_ls_waldir() WHERE name = left(a.last_archived_wal, 24)) AS until
    FROM pg_stat_archiver a
), target AS (
  SELECT c.xmin::text AS xid, pg_xact_commit_timestamp(c.xmin) AS at
    FROM canary c, archived
   WHERE pg_xact_commit_timestamp(c.xmin) <= archived.until
     AND pg_xact_commit_timestamp(c.xmin) > to_timestamp(:backup_stop)
   ORDER BY 2 DESC LIMIT 1
)
SELECT json_build_object(
  'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
  'started', clock_timestamp(), 'backup', :'backup', 'xid', (SELECT xid FROM target), 'at', (SELECT at FROM target),
  'expected', json_build_object(
    'cases', (SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY r.id), '')) FROM cases r
               WHERE coalesce(pg_xact_commit_timestamp(r.xmin) <= (SELECT at FROM target), true)),
    'evidence_items', (SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY r.id), ''))
               FROM evidence_items r
               WHERE coalesce(pg_xact_commit_timestamp(r.xmin) <= (SELECT at FROM target), true)),
    'canary', (SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY r.id), '')) FROM canary r
               WHERE coalesce(pg_xact_commit_timestamp(r.xmin) <= (SELECT at FROM target), true))));
