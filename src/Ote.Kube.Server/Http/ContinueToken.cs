using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Http;

/// <summary>Where the next page of a list begins, and at which revision the whole list is read; <see cref="Newest"/> for the newest one.</summary>
internal readonly record struct ContinueToken(long Revision, string Namespace, string Name)
{
    private const string Version = "ote/v1";
    private const int MaxLength = 4096;
    private const int MaxDepth = 2;

    /// <summary>In place of a revision: of a list whose revision was compacted, and whose rest its client wants all the same.</summary>
    public const long Newest = -1;

    /// <summary>Of a list over several shards: how far each is known (<see cref="Split.ShardVersions"/>), in place of a revision; null: it is none.</summary>
    public string? Versions { get; init; }

    /// <summary>The text clients hand back as it is.</summary>
    public override string ToString()
    {
        var token = new JsonObject { ["v"] = Version, ["rv"] = Revision, ["ns"] = Namespace, ["name"] = Name };
        if (Versions is not null)
        {
            token["rvs"] = Versions;
        }

        return Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token.ToJsonString()));
    }

    /// <summary>Reads the text.</summary>
    /// <exception cref="ApiError">410 when it is a token of Kubernetes' own API server, whose client came here in the middle of a list; 400 when it is none.</exception>
    public static ContinueToken Parse(string text)
    {
        JsonObject? token = null;
        try
        {
            token = text.Length <= MaxLength ? Body.ParseJson(Base64Url.DecodeFromChars(text), MaxDepth) as JsonObject : null;
        }
        catch (Exception bad) when (bad is FormatException or ApiError)
        {
            // Falls through to the one answer for every malformed token.
        }

        if (token?.Text("v") == "meta.k8s.io/v1")
        {
            throw ApiError.Expired("The provided continue parameter is of another API server, and means nothing to this one. You must start a new list without the continue parameter.");
        }

        if (token?.Text("v") == Version && token.Whole("rv") is (> 0 or Newest) and { } revision && token.Text("ns") is { } ns && token.Text("name") is { } name)
        {
            return new ContinueToken(revision, ns, name) { Versions = token.Text("rvs") };
        }

        throw ApiError.BadRequest("continue key is not valid: it is not a token of this server");
    }
}
