using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What NetworkPolicies must fulfil.</summary>
internal static class NetworkPolicyRules
{
    public static void Check(JsonObject policy, Faults faults)
    {
        MetadataRules.Labels(policy.ObjectAt("spec", "podSelector", "matchLabels"), "spec.podSelector.matchLabels", faults);
        foreach ((string rules, string peers) in (ReadOnlySpan<(string, string)>)[("ingress", "from"), ("egress", "to")])
        {
            int index = 0;
            foreach (JsonObject rule in policy.ObjectsAt("spec", rules))
            {
                string path = $"spec.{rules}[{index++}]";
                int port = 0, peer = 0;
                foreach (JsonObject p in rule.ObjectsAt("ports"))
                {
                    string at = $"{path}.ports[{port++}].port";
                    if (p["port"].Text() is { } name)
                        faults.Invalid(at, name, PodRules.PortName(name));
                    else if (p["port"] is not null)
                        faults.Port(at, p["port"]);
                }
                foreach (JsonObject p in rule.ObjectsAt(peers))
                    Peer(p, $"{path}.{peers}[{peer++}]", faults);
            }
        }
    }

    private static void Peer(JsonObject peer, string path, Faults faults)
    {
        if (peer["ipBlock"] is null && peer["podSelector"] is null && peer["namespaceSelector"] is null)
            faults.Required(path, "must specify a peer");
        if (peer.ObjectAt("ipBlock") is not { } block)
            return;
        string cidr = block.TextAt("cidr") ?? "";
        if (cidr.Length == 0)
            faults.Required(path + ".ipBlock.cidr");
        else if (!IsCidr(cidr))
            faults.Invalid(path + ".ipBlock.cidr", cidr, "not a valid CIDR");
        if (peer["podSelector"] is not null || peer["namespaceSelector"] is not null)
            faults.Forbidden(path, "may not specify both ipBlock and another peer");
        int index = 0;
        foreach (string except in block.TextsAt("except"))
        {
            string at = $"{path}.ipBlock.except[{index++}]";
            if (!IsCidr(except))
                faults.Invalid(at, except, "not a valid CIDR");
            else if (IsCidr(cidr) && !IsStrictlyWithin(except, cidr))
                faults.Invalid(at, except, "must be a strict subset of `cidr`");
        }
    }

    private static bool IsStrictlyWithin(string inner, string outer)
    {
        (byte[] address, int length) = Split(inner);
        (byte[] network, int prefix) = Split(outer);
        if (address.Length != network.Length || length <= prefix)
            return false;
        for (int bit = 0; bit < prefix; bit++)
        {
            if (((address[bit / 8] ^ network[bit / 8]) & (0x80 >> (bit % 8))) != 0)
                return false;
        }
        return true;

        static (byte[] Address, int Length) Split(string cidr)
        {
            int slash = cidr.IndexOf('/', StringComparison.Ordinal);
            return (IPAddress.Parse(cidr.AsSpan(0, slash)).GetAddressBytes(), int.Parse(cidr.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture));
        }
    }

    private static bool IsCidr(string text) =>
        text.Split('/') is [var address, var length] && IPAddress.TryParse(address, out IPAddress? parsed)
        && int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits <= parsed.GetAddressBytes().Length * 8;
}
