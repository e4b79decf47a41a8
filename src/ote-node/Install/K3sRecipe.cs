namespace Ote.Node.Install;

/// <summary>How a k3s agent is led to the hub, which no installation does: its kubelet is part of it and has no unit of its own, and where it asks is said in the agent's own configuration.</summary>
internal static class K3sRecipe
{
    /// <summary>The units of k3s: an agent's, and that of a server with its own agent.</summary>
    public static readonly IReadOnlyList<string> Units = ["k3s-agent.service", "k3s.service"];

    /// <summary>What to do.</summary>
    public const string Steps = "run `ote-node edgehub --k3s-agent DIR --server URL` as a service of your own, write \"server: https://127.0.0.1:10262\" and "
        + "\"disable-apiserver-lb: true\" into /etc/rancher/k3s/config.yaml.d/90-ote-node.yaml, and run `systemctl restart k3s-agent`; docs/operate/edge-nodes.md has the whole unit";

    /// <summary>What to do where an agent is looked for that is not installed.</summary>
    public static readonly string Installed = $"a k3s agent's own installation makes {Units[0]} (`curl -sfL https://get.k3s.io | K3S_URL=https://SERVER:6443 K3S_TOKEN=... sh -`); `systemctl list-unit-files 'k3s*'` shows whether it has another name";

    /// <summary>Whether a unit is one of k3s.</summary>
    public static bool IsAgent(string unit) => unit.StartsWith("k3s", StringComparison.Ordinal);

    /// <summary>That a node is one of k3s, where a kubelet's unit is looked for in vain; null: it is not.</summary>
    /// <param name="services">The machine's services.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<string?> FoundAsync(IServices services, CancellationToken ct)
    {
        foreach (var unit in Units)
        {
            if (await services.TryAsync(["cat", unit], ct).ConfigureAwait(false) is not null)
            {
                return unit;
            }
        }

        return null;
    }
}
