-- Both are NULL for every account that is there, and for those that Flask goes on making.
ALTER TABLE `user` ADD `tokens_valid_from` bigint;
--> statement-breakpoint
ALTER TABLE `user` ADD `disabled_at` bigint;
