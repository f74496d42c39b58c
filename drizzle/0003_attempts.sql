-- Names of buckets are of our own making and compared byte by byte (ascii_bin).
CREATE TABLE IF NOT EXISTS `attempt` (
	`bucket` varchar(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	`count` int NOT NULL,
	`expires_at` bigint NOT NULL,
	CONSTRAINT `attempt_bucket` PRIMARY KEY(`bucket`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
--> statement-breakpoint
CREATE INDEX `attempt_expires_at` ON `attempt` (`expires_at`);
