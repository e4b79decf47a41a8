namespace Ote.Roles.Hosting;

/// <summary>Files with secrets that an operator hands in.</summary>
internal static class PrivateInput
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Says that others than its owner can read or write a file, and what to do; null when they cannot, or there is no file.</summary>
    public static string? Objection(string option, string file)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(file) || (File.GetUnixFileMode(file) & Others) == 0)
        {
            return null;
        }

        return $"{option}: others than its owner can read {file}, which holds secrets; run chmod 600 {file}";
    }
}
