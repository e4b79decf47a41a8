using Ote.Node.Install;

namespace Ote.Tests.Node.Install;

/// <summary>Services of a machine that is none: what is asked of them is noted, and answered as a test says.</summary>
internal sealed class RecordedServices : IServices
{
    public List<string> Asked { get; } = [];

    /// <summary>Without the questions.</summary>
    public IEnumerable<string> Changed => Asked.Where(asked => asked.Split(' ')[0] is not ("cat" or "show" or "status" or "is-active" or "is-enabled"));

    public Action<string>? Told { get; set; }

    public IReadOnlyList<string> Journal { get; set; } = [];

    public string HubState { get; set; } = "ActiveState=active\nNRestarts=0\n";

    /// <summary>What the hub's state is from the second look on.</summary>
    public string? HubBecomes { get; set; }

    /// <summary>From when on the journal was asked for last.</summary>
    public DateTimeOffset? JournalSince { get; private set; }

    public Task<IReadOnlyList<string>> JournalAsync(string unit, DateTimeOffset since, CancellationToken cancellation)
    {
        JournalSince = since;
        return Task.FromResult(Journal);
    }

    public HashSet<string> Fails { get; } = [];

    public string Unit { get; set; } = "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf";

    public string State { get; private set; } = "MainPID=7\nActiveState=active\n";

    /// <summary>What its state is from the second look on.</summary>
    public string? Becomes { get; set; }

    public Task<SystemctlAnswer> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var asked = string.Join(' ', arguments);
        Asked.Add(asked);
        Told?.Invoke(asked);
        if (Fails.Contains(asked))
        {
            return Task.FromResult(new SystemctlAnswer(false, "", $"no {asked} here"));
        }

        if (arguments is ["show", .., HubUnit.Name])
        {
            (var hub, HubState) = (HubState, HubBecomes ?? HubState);
            return Task.FromResult(new SystemctlAnswer(true, hub, ""));
        }

        var said = arguments[0] switch { "cat" => Unit, "show" => State, _ => "" };
        State = arguments[0] == "show" ? Becomes ?? State : State;
        return Task.FromResult(new SystemctlAnswer(true, said, ""));
    }
}
