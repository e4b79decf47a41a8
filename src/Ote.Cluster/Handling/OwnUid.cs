using System.Text;
using Ote.Cluster.Identity;

namespace Ote.Cluster.Handling;

/// <summary>The cluster's uid: made once, before the first join, and kept for life.</summary>
internal static class OwnUid
{
    public static string LoadOrCreate(string directory)
    {
        var path = Path.Combine(directory, "uid");
        if (File.Exists(path))
        {
            return File.ReadAllText(path).Trim();
        }

        var uid = Guid.NewGuid().ToString("D");
        PrivateFile.CreateDirectory(directory);
        PrivateFile.Write(path, Encoding.ASCII.GetBytes(uid));
        return uid;
    }
}
