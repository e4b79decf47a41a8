using System.CommandLine;
using Ote.Kube.Server.Audit;

namespace Ote.Roles.Hosting;

/// <summary>Where an embedded API server notes who asked for what, by the names that kube-apiserver has for it.</summary>
internal sealed class ApiAuditOptions
{
    private readonly Option<string?> _path = new("--audit-log-path") { Description = "File where each request to its API is noted, an audit.k8s.io/v1 Event a line; without a policy: writes and refusals" };
    private readonly Option<int> _size = new("--audit-log-maxsize") { Description = "Megabytes that file may have before it becomes FILE.1", DefaultValueFactory = _ => 100 };
    private readonly Option<int> _backups = new("--audit-log-maxbackup") { Description = "How many such full files are kept", DefaultValueFactory = _ => 10 };
    private readonly Option<string?> _policy = new("--audit-policy-file") { Description = "File of an audit.k8s.io/v1 Policy: what is noted of which requests" };

    public void AddTo(Command command)
    {
        command.Options.Add(_path);
        command.Options.Add(_size);
        command.Options.Add(_backups);
        command.Options.Add(_policy);
    }

    /// <summary>What the command line asks for; null: nothing is to be noted.</summary>
    /// <exception cref="RoleException">It does not fit together.</exception>
    public AuditOptions? Read(ParseResult parsed)
    {
        var policy = parsed.GetValue(_policy);
        if (parsed.GetValue(_path) is not { } path)
        {
            return policy is null ? null : throw new RoleException($"{_policy.Name}: there is no audit log for it; give {_path.Name} too");
        }

        return new AuditOptions
        {
            Path = Path.GetFullPath(path),
            MaxSize = Within(parsed, _size, AuditOptions.LeastSize, AuditOptions.MostSize),
            MaxBackups = Within(parsed, _backups, AuditOptions.LeastBackups, AuditOptions.MostBackups),
            PolicyFile = policy is null ? null : Path.GetFullPath(policy),
        };
    }

    private static int Within(ParseResult parsed, Option<int> option, int least, int most) =>
        parsed.GetValue(option) is var value && value >= least && value <= most ? value : throw new RoleException($"{option.Name}: {value} is not between {least} and {most}");
}
