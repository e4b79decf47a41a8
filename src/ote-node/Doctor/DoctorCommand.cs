using System.Buffers;
using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Node.Install;
using Ote.Roles.Hosting;

namespace Ote.Node.Doctor;

/// <summary><c>ote-node doctor</c>: how an installed hub and the node around it stand, and what to do.</summary>
internal static class DoctorCommand
{
    private const string Form = "json";

    public static Command Create()
    {
        var kubelet = new Option<string>("--kubelet-unit") { Description = "The kubelet's systemd unit", DefaultValueFactory = _ => "kubelet.service" };
        var data = new Option<string?>("--data") { Description = "The hub's folder for cache, key and certificates; the one that its unit names when absent" };
        var output = new Option<string?>("-o")
        {
            Description = "json: one object",
            CustomParser = typed =>
            {
                if (typed.Tokens[0].Value is not Form and var word)
                {
                    typed.AddError($"-o: '{word}' is none of its values; give {Form}, or leave it out for text");
                }

                return typed.Tokens[0].Value;
            },
        };
        output.CompletionSources.Add(Form);
        var common = new CommonOptions();
        var command = new Command("doctor", "Look at an installed hub and the node around it; ends with 1 when something does not work. As root") { kubelet, data, output };
        command.Options.Add(common.Level);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            EmptyValue.Refuse(parsed);
            InstallCommand.Privileged("doctor looks at files and processes that only root is shown");
            var findings = await new Examination(new NodePaths("/").WithData(parsed.GetValue(data)), new Systemd(), BriefAnswer.OfAsync, Examination.FreeOf, host.Time).LookAsync(parsed.GetRequiredValue(kubelet), host.Stop).ConfigureAwait(false);
            Console.Out.Write(parsed.GetValue(output) == Form ? Json(findings) : Text(findings));
            return findings.Any(finding => finding.Standing == Standing.Fails) ? 1 : 0;
        }));
        return command;
    }

    internal static string Text(IReadOnlyList<Finding> findings)
    {
        var width = findings.Max(finding => finding.Check.Length);
        return string.Concat(findings.Select(finding => $"{Word(finding.Standing),-8} {finding.Check.PadRight(width)}  {finding.Words}\n"));
    }

    /// <summary>One object: the worst standing of all as <c>verdict</c>, and each finding.</summary>
    internal static string Json(IReadOnlyList<Finding> findings)
    {
        var told = new JsonObject
        {
            ["verdict"] = Word(findings.Max(finding => finding.Standing)),
            ["findings"] = new JsonArray([.. findings.Select(finding => (JsonNode)new JsonObject { ["check"] = finding.Check, ["standing"] = Word(finding.Standing), ["words"] = finding.Words })]),
        };
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // for eyes and programs, never for a page
        {
            told.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(text.WrittenSpan) + "\n";
    }

    private static string Word(Standing standing) => standing switch { Standing.Ok => "ok", Standing.Warning => "warning", _ => "FAILS" };
}
