using Microsoft.Extensions.Primitives;

namespace Ote.Kube.Server.Http;

/// <summary>In which form an answer is wanted.</summary>
internal enum AnswerForm
{
    Json,
    Table,

    /// <summary>Object metadata alone (<c>as=PartialObjectMetadata</c>).</summary>
    Metadata,
}

/// <summary>Reads the <c>Accept</c> header by its order; quality values are ignored, as clients of Kubernetes send none.</summary>
internal static class Accepts
{
    private const int MaxChoices = 32;

    /// <summary>The first form on the client's list that we can give.</summary>
    /// <exception cref="ApiError">406: none of them.</exception>
    public static (AnswerForm Form, string Version) Negotiate(StringValues header)
    {
        var text = header.ToString();
        if (text.Length == 0)
        {
            return (AnswerForm.Json, "v1");
        }

        foreach (var choice in text.Split(',', MaxChoices, StringSplitOptions.TrimEntries))
        {
            var parts = choice.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "*/*" or "application/*"))
            {
                continue;
            }

            var form = Parameter(parts, "as");
            if (form is null)
            {
                return (AnswerForm.Json, "v1");
            }

            var version = Parameter(parts, "v") ?? "";
            if (Parameter(parts, "g") != "meta.k8s.io" || version is not ("v1" or "v1beta1"))
            {
                continue;
            }

            switch (form)
            {
                case "Table":
                    return (AnswerForm.Table, version);
                case "PartialObjectMetadata" or "PartialObjectMetadataList":
                    return (AnswerForm.Metadata, version);
            }
        }

        throw ApiError.NotAcceptable("application/json");
    }

    /// <summary>The version of aggregated discovery that is asked for before plain JSON; null for none.</summary>
    public static string? Aggregated(StringValues header)
    {
        foreach (var choice in header.ToString().Split(',', MaxChoices, StringSplitOptions.TrimEntries))
        {
            var parts = choice.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] != "application/json")
            {
                continue;
            }

            if (parts.Length == 1)
            {
                return null;
            }

            if (Parameter(parts, "as") == "APIGroupDiscoveryList" && Parameter(parts, "g") == "apidiscovery.k8s.io"
                && Parameter(parts, "v") is "v2" or "v2beta1")
            {
                return Parameter(parts, "v");
            }
        }

        return null;
    }

    private static string? Parameter(string[] parts, string name)
    {
        foreach (var part in parts)
        {
            if (part.Length > name.Length + 1 && part[name.Length] == '=' && part.StartsWith(name, StringComparison.Ordinal))
            {
                return part[(name.Length + 1)..].Trim('"');
            }
        }

        return null;
    }
}
