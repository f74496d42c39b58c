-- Session ids are compared byte by byte (ascii_bin): they are UUIDs of our own making.
CREATE TABLE IF NOT EXISTS `session` (
	`id` char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`user_id` int NOT NULL,
	`counter` int NOT NULL DEFAULT 0,
	`created_at` bigint NOT NULL,
	`last_used_at` bigint NOT NULL,
	`rotated_at` bigint,
	`expires_at` bigint NOT NULL,
	`user_agent` varchar(255),
	`address` varchar(45),
	CONSTRAINT `session_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
--> statement-breakpoint
ALTER TABLE `revoked_tokens` ADD `expires_at` bigint;
--> statement-breakpoint
-- The seed could revoke one token twice; the first row of each is kept.
DELETE `later` FROM `revoked_tokens` `later` JOIN (
	SELECT `jti`, MIN(`id`) AS `first_id` FROM `revoked_tokens` WHERE `jti` IS NOT NULL GROUP BY `jti` HAVING COUNT(*) > 1
) `first` ON `first`.`jti` = `later`.`jti` AND `later`.`id` > `first`.`first_id`;
--> statement-breakpoint
ALTER TABLE `revoked_tokens` ADD CONSTRAINT `revoked_tokens_jti_unique` UNIQUE(`jti`);
--> statement-breakpoint
ALTER TABLE `user` ADD CONSTRAINT `user_username_unique` UNIQUE(`username`);
--> statement-breakpoint
CREATE INDEX `session_user_id` ON `session` (`user_id`);
--> statement-breakpoint
CREATE INDEX `session_expires_at` ON `session` (`expires_at`);
--> statement-breakpoint
CREATE INDEX `revoked_tokens_expires_at` ON `revoked_tokens` (`expires_at`);
--> statement-breakpoint
-- Bun's argon2id strings have 118 characters. A column that an operator has made wider than this stays as it is.
SET @widen = IF(
	(SELECT `CHARACTER_MAXIMUM_LENGTH` FROM `information_schema`.`COLUMNS`
		WHERE `TABLE_SCHEMA` = DATABASE() AND `TABLE_NAME` = 'user' AND `COLUMN_NAME` = 'pwd') < 255,
	'ALTER TABLE `user` MODIFY COLUMN `pwd` varchar(255) COMMENT ''密码''',
	'DO 0'
);
--> statement-breakpoint
PREPARE `widen` FROM @widen;
--> statement-breakpoint
EXECUTE `widen`;
--> statement-breakpoint
DEALLOCATE PREPARE `widen`;
