-- 0 for every account that is there, and for those that Flask and older versions go on making.
ALTER TABLE `user` ADD `logins` bigint DEFAULT 0 NOT NULL;
