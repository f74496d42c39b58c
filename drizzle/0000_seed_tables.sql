-- The seed's two tables, comments and collation included. IF NOT EXISTS: a database that the seed's service
-- made is taken over as it stands.
CREATE TABLE IF NOT EXISTS `revoked_tokens` (
	`id` int AUTO_INCREMENT NOT NULL,
	`jti` varchar(120),
	CONSTRAINT `revoked_tokens_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS `user` (
	`id` int AUTO_INCREMENT NOT NULL COMMENT '主键ID',
	`username` varchar(40) NOT NULL COMMENT '用户姓名',
	`pwd` varchar(102) COMMENT '密码',
	`salt` varchar(32) COMMENT 'salt',
	`created_at` datetime NOT NULL COMMENT '创建时间',
	`updated_at` datetime NOT NULL COMMENT '更新时间',
	CONSTRAINT `user_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
