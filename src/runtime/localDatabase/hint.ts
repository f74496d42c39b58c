const COMMANDS: [ids: RegExp, command: string][] = [
  [/^(debian|ubuntu)$/, "sudo apt-get install mariadb-server"],
  [/^(fedora|rhel|centos)$/, "sudo dnf install mariadb-server"],
  [/^alpine$/, "sudo apk add mariadb"],
  [/^arch$/, "sudo pacman -S mariadb"],
  [/^(suse|opensuse)$/, "sudo zypper install mariadb"],
];

/**
 * How to install a database server on the platform at hand.
 * @param platform as `process.platform` @param osRelease the text of /etc/os-release, empty when there is none
 */
export function installHint(platform: string, osRelease: string): string {
  if (platform === "darwin") return "brew install mariadb";
  const ids = [...osRelease.matchAll(/^(?:ID|ID_LIKE)=["']?([^"'\n]*)/gm)].flatMap((m) =>
    (m[1] ?? "").split(" "),
  );
  for (const id of ids) {
    const command = COMMANDS.find(([pattern]) => pattern.test(id))?.[1];
    if (command !== undefined) return command;
  }
  return "install MariaDB or MySQL so that mariadbd or mysqld is on the PATH, or start Docker";
}
