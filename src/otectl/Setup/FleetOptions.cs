using System.CommandLine;
using Ote.Ctl.Cli;
using Ote.Ctl.Following;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Ctl.Setup;

/// <summary>How <c>otectl install</c> is told of the fleet.</summary>
internal sealed class FleetOptions
{
    private readonly Option<bool> _fleet = new("--fleet") { Description = "Also have this API server show what clusters report, as pods.fleet.ote.baidu.com and so on: for a root with --kubeconfig and --serve" };
    private readonly Option<string?> _user = new("--root-user") { HelpName = "NAME", Description = "With --fleet: the user of the root's kubeconfig (default: ote-root)" };
    private readonly Option<string?> _address = new("--fleet-address") { HelpName = "HOST:PORT", Description = "With --fleet: where the root serves (default: what the root itself says)" };
    private readonly Option<string?> _authority = new("--fleet-ca") { HelpName = "FILE", Description = "With --fleet-address: the authority of its certificate, PEM" };

    internal void AddTo(Command command)
    {
        command.Add(_fleet);
        command.Add(_user);
        command.Add(_address);
        command.Add(_authority);
    }

    /// <summary>Whether the fleet is to be shown.</summary>
    internal bool Wants(ParseResult typed)
    {
        foreach (var option in new Option[] { _user, _address, _authority })
        {
            if (typed.GetResult(option) is { Implicit: false } && !typed.GetValue(_fleet))
            {
                throw new CtlException(ExitCode.Usage, $"{option.Name}: it is about the fleet; give --fleet too, or leave it out");
            }
        }

        if (typed.GetValue(_address) is null != typed.GetValue(_authority) is null)
        {
            throw new CtlException(ExitCode.Usage, "--fleet-address and --fleet-ca: give both, or neither, and the root itself says where it serves");
        }

        if (typed.GetValue(_address) is { } address)
        {
            _ = Split(address, "--fleet-address", ""); // before anything is applied
        }

        return typed.GetValue(_fleet);
    }

    /// <summary>The user of the root's kubeconfig.</summary>
    internal string User(ParseResult typed) => typed.GetValue(_user) ?? "ote-root";

    /// <summary>Where the root serves, and the authority of its certificate: as typed, or as it says itself.</summary>
    /// <param name="run">The run.</param>
    /// <param name="patience">Fires when it has been waited for long enough; null: it must be known now.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal async Task<(string Host, int Port, string Authority)> WhereAsync(Invocation run, CancellationToken? patience, CancellationToken cancellation)
    {
        if (run.Typed.GetValue(_address) is { } typed)
        {
            return Split(typed, "--fleet-address", ReadAuthority(run.Typed.GetValue(_authority)!));
        }

        var place = $"ConfigMap {GlobalOptions.ControlNamespace}/{FleetApi.Name}";
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience ?? CancellationToken.None);
        try
        {
            await foreach (var map in ObjectFollower.Of(run).FollowAsync(Kinds.ConfigMaps, GlobalOptions.ControlNamespace, FleetApi.Name, either.Token).ConfigureAwait(false))
            {
                if (map?.Text("data", FleetApi.AddressKey) is { } address && map.Text("data", FleetApi.AuthorityKey) is { } authority)
                {
                    return Split(address, place, authority);
                }

                if (patience is null)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (patience?.IsCancellationRequested == true && !cancellation.IsCancellationRequested)
        {
            // Told below.
        }

        throw new CtlException(
            patience is null ? ExitCode.Failed : ExitCode.TimedOut,
            $"no root says where it serves the fleet ({place}): start it with --kubeconfig and --serve, and look into its log if it runs; or give --fleet-address and --fleet-ca");
    }

    private static string ReadAuthority(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CtlException(ExitCode.Usage, $"--fleet-ca: {unreadable.Message}");
        }
    }

    private static (string Host, int Port, string Authority) Split(string address, string place, string authority) => FleetWay.Split(address) is var (host, port)
        ? (host, port, authority)
        : throw new CtlException(ExitCode.Usage, $"{place}: '{address}' is not host:port, such as 203.0.113.7:8443");
}
