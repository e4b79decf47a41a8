using System.CommandLine;
using Ote.Roles.Hosting;
using Ote.Shim;
using Ote.Shim.Conformance;
using Ote.Shim.Contract;
using Ote.Shim.Remote;

namespace Ote.Roles.Shim;

/// <summary><c>ote shim conformance</c>: uses a running shim, of whatever language, and says what of the contract it keeps.</summary>
internal sealed class ConformanceCommand
{
    private readonly Option<string> _shim = new("--shim") { Description = "The shim's address: unix:/path/shim.sock, or https://address:port", Required = true };
    private readonly Option<string?> _tls = new("--shim-tls") { Description = "CERT,KEY,CA of this side, PEM files, for https" };
    private readonly Option<string?> _kubernetes = new("--kubernetes") { Description = "The cluster is a Kubernetes: make ConfigMaps in this namespace, which must exist" };
    private readonly Option<string?> _objectUrl = new("--object-url") { Description = "URL of one object that may be made, changed and deleted, such as /things/{name}" };
    private readonly Option<string?> _createUrl = new("--create-url") { Description = "Where a POST creates an object; without it a PUT to --object-url does" };
    private readonly Option<string?> _body = new("--body") { Description = "An object's body; {name} and {value} are filled in" };
    private readonly Option<string?> _contentType = new("--content-type") { Description = "Content type of --body; application/json when absent" };
    private readonly Option<string?> _slowUrl = new("--slow-url") { Description = "A GET that takes at least 10 s; for timeout, cancellation and parallel requests" };
    private readonly Option<string?> _forbiddenUrl = new("--forbidden-url") { Description = "A GET that the allow-list must refuse" };
    private readonly Option<string?> _actionUrl = new("--action-url") { Description = "Where a POST does a second thing when it is sent twice" };
    private readonly Option<string?> _actionBody = new("--action-body") { Description = "The body of that POST" };
    private readonly Option<string?> _destination = new("--destination") { Description = "Destination to ask; api when absent" };
    private readonly Option<string> _user = new("--as") { Description = "User to ask as", DefaultValueFactory = _ => "ote-conformance" };
    private readonly Option<string[]> _groups = new("--as-group") { Description = "Group of that user; may be repeated", DefaultValueFactory = _ => [] };
    private readonly Option<string[]> _checks = new("--check") { Description = "Only this check; may be repeated", DefaultValueFactory = _ => [] };
    private readonly Option<bool> _noSkips = new("--no-skips") { Description = "A skipped check fails the run" };
    private readonly Option<string> _output = new("--output", "-o") { Description = "text: a line a check as it ends; json: one object at the end", DefaultValueFactory = _ => "text" };

    public static Command Create()
    {
        var options = new ConformanceCommand();
        var common = new CommonOptions();
        options._output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("conformance", "Check a running shim against the contract, by using it")
        {
            options._shim, options._tls, options._kubernetes, options._objectUrl, options._createUrl, options._body, options._contentType, options._slowUrl,
            options._forbiddenUrl, options._actionUrl, options._actionBody, options._destination, options._user, options._groups, options._checks,
            options._noSkips, options._output, common.Level, common.Json,
        };
        command.SetAction((parsed, _) => common.RunAsync(parsed, host => new ConformanceRun(host, Console.Out, Console.Error).RunAsync(
            options.Remote(parsed), options.Target(parsed), options.Checks(parsed), parsed.GetValue(options._noSkips), parsed.GetValue(options._output) == "json")));
        return command;
    }

    private RemoteShimOptions Remote(ParseResult parsed)
    {
        if (!ShimAddress.TryParse(parsed.GetRequiredValue(_shim), out var address, out var error))
        {
            throw new RoleException($"--shim: {error}");
        }

        if (address.IsUnix)
        {
            return new RemoteShimOptions { Address = address };
        }

        return parsed.GetValue(_tls)?.Split(',') is [var certificate, var key, var authority]
            ? new RemoteShimOptions { Address = address, Tls = ShimTls.FromFiles(certificate, key, authority) }
            : throw new RoleException("--shim-tls: a shim over https needs --shim-tls CERT,KEY,CA");
    }

    private ConformanceTarget Target(ParseResult parsed)
    {
        var user = new User { Name = parsed.GetRequiredValue(_user), Groups = { parsed.GetRequiredValue(_groups) } };
        var target = (parsed.GetValue(_kubernetes), parsed.GetValue(_objectUrl), parsed.GetValue(_body)) switch
        {
            ({ Length: > 0 } space, null, null) => ConformanceTarget.KubernetesConfigMaps(space, user),
            (null, { } url, { } body) when url.Contains("{name}", StringComparison.Ordinal) && body.Contains("{value}", StringComparison.Ordinal) =>
                new ConformanceTarget { ObjectUrl = url, Body = body, User = user },
            (null, { }, { }) => throw new RoleException("--object-url must hold {name} and --body must hold {value}: the kit fills them in, to tell its objects apart"),
            _ => throw new RoleException("the kit must know what it may make: give --kubernetes NAMESPACE, or --object-url and --body; docs/reference/shim-contract.md has examples"),
        };
        return target with
        {
            Destination = parsed.GetValue(_destination) ?? target.Destination,
            CreateUrl = parsed.GetValue(_createUrl) ?? target.CreateUrl,
            ContentType = parsed.GetValue(_contentType) ?? target.ContentType,
            SlowUrl = parsed.GetValue(_slowUrl) ?? target.SlowUrl,
            ForbiddenUrl = parsed.GetValue(_forbiddenUrl) ?? target.ForbiddenUrl,
            ActionUrl = parsed.GetValue(_actionUrl) ?? target.ActionUrl,
            ActionBody = parsed.GetValue(_actionBody) ?? target.ActionBody,
        };
    }

    private string[] Checks(ParseResult parsed)
    {
        var wanted = parsed.GetRequiredValue(_checks);
        return wanted.FirstOrDefault(w => !ShimConformance.CheckNames.Contains(w)) is { } unknown
            ? throw new RoleException($"--check: there is no check '{unknown}'; there are {string.Join(", ", ShimConformance.CheckNames)}")
            : wanted;
    }
}
