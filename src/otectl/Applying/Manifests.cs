using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Ctl.Applying;

/// <summary>Reads manifests: YAML or JSON, several documents, <c>List</c> objects taken apart.</summary>
internal static class Manifests
{
    /// <summary>A file may be this large, in characters.</summary>
    internal const int MaxCharacters = 16 * 1024 * 1024;

    private static readonly string[] Extensions = [".json", ".yaml", ".yml"];

    private static readonly string[] ServerFields = ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"];

    /// <summary>Reads what <c>-f</c> names.</summary>
    /// <exception cref="CtlException">The file is missing or not what it should be.</exception>
    internal static async Task<IReadOnlyList<Manifest>> ReadAsync(
        IReadOnlyList<string> files, bool recursive, TextReader input, CancellationToken cancellation)
    {
        var all = new List<Manifest>();
        foreach (var file in files.SelectMany(file => Directory.Exists(file) ? OfFolder(file, recursive) : [file]))
        {
            var source = file == "-" ? "standard input" : file;
            all.AddRange(Parse(source, await TextAsync(source, file, input, cancellation).ConfigureAwait(false)));
        }

        return all.Count > 0
            ? all
            : throw new CtlException(ExitCode.Usage, $"{string.Join(", ", files)}: no object in it; give a file with at least one manifest");
    }

    internal static IEnumerable<Manifest> Parse(string source, string text)
    {
        var number = 0;
        foreach (var document in Documents(source, text).SelectMany(Flatten))
        {
            yield return Check($"{source}, object {++number}", document);
        }
    }

    /// <summary>As kubectl takes a folder: its manifests in the order of their names, and those of the folders in it if so wished.</summary>
    private static string[] OfFolder(string folder, bool recursive)
    {
        string[] found = [.. Walk(folder, recursive)];
        return found.Length > 0
            ? found
            : throw new CtlException(
                ExitCode.Usage,
                $"{folder}: no file in it ends in {string.Join(", ", Extensions)}; name a folder with manifests{(recursive ? "" : ", or take those below it with --recursive")}");
    }

    private static IEnumerable<string> Walk(string folder, bool recursive)
    {
        string[] entries;
        try
        {
            entries = [.. Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal)];
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CtlException(ExitCode.Usage, $"{folder}: {unreadable.Message.TrimEnd('.')}; give a readable folder", unreadable);
        }

        // A link to a folder is not followed: it may lead round in a circle.
        return entries.SelectMany(entry => !Directory.Exists(entry) ? Extensions.Contains(Path.GetExtension(entry)) ? [entry] : []
            : recursive && new DirectoryInfo(entry).LinkTarget is null ? Walk(entry, recursive)
            : []);
    }

    private static async Task<string> TextAsync(string source, string file, TextReader input, CancellationToken cancellation)
    {
        try
        {
            using var opened = file == "-" ? null : new StreamReader(file);
            var reader = opened ?? input;
            var buffer = new char[64 * 1024];
            var text = new System.Text.StringBuilder();
            int read;
            while ((read = await reader.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            {
                text.Append(buffer, 0, read);
                if (text.Length > MaxCharacters)
                {
                    throw new CtlException(ExitCode.Usage, $"{source}: larger than {MaxCharacters >> 20} MiB; split it");
                }
            }

            return text.ToString();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CtlException(ExitCode.Usage, $"{source}: {unreadable.Message.TrimEnd('.')}; give a readable file, or - for standard input", unreadable);
        }
    }

    private static IReadOnlyList<JsonNode> Documents(string source, string text)
    {
        var start = text.AsSpan().TrimStart();
        try
        {
            if (start.StartsWith("{") && JsonNode.Parse(text) is { } json)
            {
                return [json];
            }
        }
        catch (JsonException)
        {
            // YAML may begin with a brace too; if it is neither, the YAML reader says where.
        }

        try
        {
            return Yaml.Read(text);
        }
        catch (FormatException bad)
        {
            throw new CtlException(ExitCode.Usage, $"{source}: {bad.Message.TrimEnd('.')}; correct the file", bad);
        }
    }

    private static IEnumerable<JsonNode?> Flatten(JsonNode? document) =>
        document is JsonObject list && list.Items("items") is { } items && (list.Text("kind") ?? "").EndsWith("List", StringComparison.Ordinal)
            ? items.ToArray()
            : [document];

    private static Manifest Check(string source, JsonNode? document)
    {
        CtlException Wrong(string what) => new(ExitCode.Usage, $"{source}: {what}");
        if (document is not JsonObject given)
        {
            throw Wrong("not an object; each document needs apiVersion, kind and metadata.name");
        }

        var obj = given.Copy();
        foreach (var field in (string[])["apiVersion", "kind"])
        {
            if (string.IsNullOrEmpty(obj.Text(field)))
            {
                throw Wrong($"{field} is missing; add it");
            }
        }

        if (obj.Name().Length == 0)
        {
            throw Wrong($"{obj.Text("kind")} has no metadata.name; add it (apply needs a fixed name, generateName is not enough)");
        }

        foreach (var field in ServerFields)
        {
            obj.Child("metadata").Remove(field);
        }

        return new Manifest(source, obj);
    }
}
