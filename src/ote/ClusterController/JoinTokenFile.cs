using Ote.Roles.Hosting;

namespace Ote.Roles.ClusterController;

/// <summary>The file of <c>--join-token-file</c>: of use once, until the cluster has joined.</summary>
internal static class JoinTokenFile
{
    /// <summary>The token in it; null when no file is given, and when the cluster has joined: then the file need not be there any more.</summary>
    /// <param name="file">The file; null: none.</param>
    /// <param name="dataDirectory">Where the cluster keeps who it is.</param>
    /// <param name="warnings">Told when others can read the file.</param>
    /// <exception cref="RoleException">The cluster has not joined, and the file cannot be read or holds nothing.</exception>
    public static string? Read(string? file, string dataDirectory, TextWriter warnings)
    {
        if (file is null || Ote.Cluster.Handling.ClusterController.HasJoined(dataDirectory))
        {
            return null;
        }

        if (PrivateInput.Objection("--join-token-file", file) is { } objection)
        {
            warnings.WriteLine($"warning: {objection}");
        }

        return Text(file) is { Length: > 0 } token ? token : throw Useless(file, "it is empty");
    }

    private static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Useless(file, "there is no such file");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw Useless(file, unreadable.Message.TrimEnd('.'));
        }
    }

    private static RoleException Useless(string file, string why) => new(
        $"--join-token-file: {file}: {why}, and this cluster has not joined yet; make a token with otectl join-token create on the root, and put it there");
}
