using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Ctl.Commands;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>Turns a manifest into the command that applies it at every selected cluster.</summary>
/// <param name="Selector">Which clusters.</param>
/// <param name="CommandNamespace">Where the command object lives.</param>
/// <param name="DefaultNamespace">For namespaced objects that name none.</param>
/// <param name="Deadline">After which targets not reached are given up; null for never.</param>
internal sealed record CommandPlan(string Selector, string CommandNamespace, string DefaultNamespace, TimeSpan? Deadline)
{
    internal const string FieldManager = "otectl";
    private const int MaxName = 63;
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>The <c>ClusterController</c> to create. Its name is a label value too, so it keeps to 63 characters.</summary>
    internal JsonObject Command(Manifest manifest, ResourceRef kind, Action<Span<byte>> entropy)
    {
        var body = manifest.Object.Copy();
        string? ns = null;
        if (kind.Namespaced)
        {
            ns = body.Namespace() is { Length: > 0 } own ? own : DefaultNamespace;
            body.Child("metadata")["namespace"] = ns;
        }
        else
        {
            body.Child("metadata").Remove("namespace");
        }

        var spec = new JsonObject
        {
            ["clusterSelector"] = Selector,
            ["destination"] = "api",
            ["method"] = "PATCH",
            ["url"] = $"/{kind.Path(ns, manifest.Name)}?fieldManager={FieldManager}&force=true",
            ["contentType"] = "application/apply-patch+yaml",
            ["body"] = Compact(body),
        };
        if (Deadline is { } deadline)
        {
            spec["deadlineSeconds"] = (long)deadline.TotalSeconds;
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
            ["kind"] = Kinds.ClusterControllers.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = NameFor(manifest, entropy),
                ["namespace"] = CommandNamespace,
                ["labels"] = new JsonObject { ["app.kubernetes.io/managed-by"] = FieldManager },
                ["annotations"] = new JsonObject { [CommandView.SubjectAnnotation] = manifest.Subject },
            },
            ["spec"] = spec,
        };
    }

    private static string NameFor(Manifest manifest, Action<Span<byte>> entropy)
    {
        Span<byte> random = stackalloc byte[6];
        entropy(random);
        var suffix = new StringBuilder("-");
        foreach (var b in random)
        {
            suffix.Append(Alphabet[b % Alphabet.Length]);
        }

        var stem = new StringBuilder(MaxName);
        foreach (var c in string.Create(CultureInfo.InvariantCulture, $"{manifest.Kind}-{manifest.Name}").ToLowerInvariant())
        {
            stem.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        }

        stem.Length = Math.Min(stem.Length, MaxName - suffix.Length);
        return stem.ToString().Trim('-') + suffix;
    }

    private static string Compact(JsonObject body)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            body.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
