using System.CommandLine;
using System.Text.Json.Nodes;
using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Node.Doctor;

/// <summary><c>ote-node doctor</c>: how an installed hub and the node around it stand, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var kubelet = new Option<string>("--kubelet-unit") { Description = "The kubelet's systemd unit", DefaultValueFactory = _ => "kubelet.service" };
        var data = new Option<string?>("--data") { Description = "The hub's folder for cache, key and certificates; the one that its unit names when absent" };
        var output = new Option<string?>("-o") { Description = "json: one object" };
        output.AcceptOnlyFromAmong("json");
        var common = new CommonOptions();
        var command = new Command("doctor", "Look at an installed hub and the node around it; ends with 1 when something does not work. As root") { kubelet, data, output };
        command.Options.Add(common.Level);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            var findings = await new Examination(new NodePaths("/").WithData(parsed.GetValue(data)), new Systemd(), Examination.AskAsync, host.Time).LookAsync(parsed.GetRequiredValue(kubelet), host.Stop).ConfigureAwait(false);
            Console.Out.Write(parsed.GetValue(output) == "json" ? Json(findings) : Text(findings));
            return findings.Any(finding => finding.Standing == Standing.Fails) ? 1 : 0;
        }));
        return command;
    }

    internal static string Text(IReadOnlyList<Finding> findings)
    {
        var width = findings.Max(finding => finding.Check.Length);
        return string.Concat(findings.Select(finding => $"{Word(finding.Standing),-8} {finding.Check.PadRight(width)}  {finding.Words}\n"));
    }

    private static string Json(IReadOnlyList<Finding> findings) => new JsonObject
    {
        ["findings"] = new JsonArray([.. findings.Select(finding => (JsonNode)new JsonObject { ["check"] = finding.Check, ["standing"] = Word(finding.Standing), ["words"] = finding.Words })]),
    }.ToJsonString() + "\n";

    private static string Word(Standing standing) => standing switch { Standing.Ok => "ok", Standing.Warning => "warning", _ => "FAILS" };
}
